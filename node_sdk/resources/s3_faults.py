"""What an error of boto3 means, in words for people: which of address, bucket, credentials and network is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from node_sdk.errors import ResourceUnavailable

WAY_OUT = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a role"
REFUSED = f"the credentials are refused; {WAY_OUT}"
CAUSES = {
    "NoSuchBucket": "there is no such bucket; make it, or correct its name",
    "404": "there is no such bucket, or it is hidden from these credentials",
    "InvalidAccessKeyId": REFUSED,
    "SignatureDoesNotMatch": REFUSED,
    "AuthorizationHeaderMalformed": REFUSED,
    "ExpiredToken": "the credentials have expired; renew them",
    "RequestTimeTooSkewed": "the clock of this machine is wrong; set it",
    "AccessDenied": "access is denied; the credentials need rights to list, read and write there",
    "403": "access is denied; the credentials are wrong, or lack rights there",
}


@contextmanager
def told(doing: str, url: str) -> Iterator[None]:
    """Inside, what boto3 raises becomes ResourceUnavailable: cannot `doing` `url`, and why."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        answer = error.response
        after = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("retry-after", "")
        words = CAUSES.get(code_of(error), _in_a_line(error))
        raise ResourceUnavailable(
            f"cannot {doing} {url}: {words}", float(after) if after.isdigit() else None
        ) from error
    except KeyError as error:
        raise ResourceUnavailable(f"cannot {doing} {url}: an answer has no {error}; is this an S3 server?") from error
    except (BotoCoreError, Boto3Error, *streaming()) as error:
        raise ResourceUnavailable(f"cannot {doing} {url}: {_of_class(error)}") from error


def code_of(error: Any) -> str:
    """NoSuchKey, 404, …"""
    return str(error.response.get("Error", {}).get("Code", ""))


def streaming() -> tuple[type[Exception], ...]:
    """What reading a body raises where the connection breaks."""
    from botocore.exceptions import BotoCoreError, HTTPClientError
    from urllib3.exceptions import HTTPError

    return (HTTPError, HTTPClientError, BotoCoreError, ConnectionError, TimeoutError)


def _of_class(error: Exception) -> str:
    name = type(error).__name__
    if name in ("NoCredentialsError", "PartialCredentialsError", "ProfileNotFound"):
        return f"no credentials are found ({_in_a_line(error)}); {WAY_OUT}"
    if name == "SSLError":
        return f"no trusted connection ({_in_a_line(error)}); set AWS_CA_BUNDLE to who is to be trusted"
    return _in_a_line(error)


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
