import pytest

pytest.register_assert_rewrite("node_sdk.testing")
