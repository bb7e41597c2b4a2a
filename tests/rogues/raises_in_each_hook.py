"""Raises in every hook. Its first run succeeds, its second fails, its third raises."""

from typing import NoReturn

from bad_turn import BadTurn


class Rogue(BadTurn):
    def execute(self, *args: object, **kwargs: object) -> bool:
        if self.run_id == 3:
            raise ValueError("the third run")
        return self.run_id == 1

    def before_execution(self) -> NoReturn:
        raise RuntimeError("before_execution is broken")

    def on_success(self) -> NoReturn:
        raise RuntimeError("on_success is broken")

    def on_failure(self) -> NoReturn:
        raise RuntimeError("on_failure is broken")

    def on_error(self, error: BaseException) -> NoReturn:
        raise RuntimeError(f"on_error is broken, as was {error}")

    def after_execution(self) -> NoReturn:
        raise SystemExit("after_execution is broken")

    def on_exit(self) -> NoReturn:
        raise RuntimeError("on_exit is broken")
