"""A bucket of S3, or of what speaks like it (MinIO, Yandex Object Storage): files for other machines.

A file's name is the hash of its content, so one that is there is never written again.
"""

from functools import cached_property
from typing import Any

from engine.errors import SettingsError, Unreachable
from engine.sections_speech import S3

PREFIX = "audio/"
TRIES, TIMEOUT_S = 3, 10


class Bucket:
    """The bucket of the settings; its client is made when it is first used, in each process its own."""

    def __init__(self, s3: S3) -> None:
        self._s3 = s3

    def __getstate__(self) -> dict[str, Any]:
        return {"_s3": self._s3}

    @cached_property
    def _client(self) -> Any:
        try:
            import boto3
            from botocore.config import Config
        except ImportError:
            raise SettingsError("s3: boto3 is not installed: pip install 'zvonar[s3]'") from None
        config = Config(
            retries={"total_max_attempts": TRIES}, connect_timeout=TIMEOUT_S, read_timeout=TIMEOUT_S
        )
        return boto3.session.Session().client(
            "s3",
            endpoint_url=self._s3.endpoint or None,
            region_name=self._s3.region,
            aws_access_key_id=self._s3.access_key,
            aws_secret_access_key=self._s3.secret_key.get_secret_value(),
            config=config,
        )

    def put(self, name: str, content: bytes) -> None:
        """Keep a file there; Unreachable when it cannot be."""
        if self._asked("head_object", name) is None:
            self._asked("put_object", name, Body=content, ContentType="application/octet-stream")

    def get(self, name: str) -> bytes | None:
        """A file of there; None when it has none, Unreachable when it does not answer."""
        found = self._asked("get_object", name)
        return None if found is None else found["Body"].read()

    def _asked(self, what: str, name: str, **given: Any) -> Any:
        """The answer; None for "there is no such file"."""
        client = self._client
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return getattr(client, what)(Bucket=self._s3.bucket, Key=PREFIX + name, **given)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in ("404", "NoSuchKey", "NotFound") and what != "put_object":
                return None
            raise Unreachable(f"s3: {self._s3.bucket}: {code or error}") from None
        except (BotoCoreError, OSError) as error:
            raise Unreachable(f"s3: {type(error).__name__}") from None
