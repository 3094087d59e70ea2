"""Files by S3: what one machine made, another has; the protocol is real, the server is moto's."""

import hashlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from builders import settings, tone
from moto.server import ThreadedMotoServer

from engine.errors import Unreachable
from engine.gateways.bucket import Bucket
from engine.sections_speech import S3
from engine.speech import sound
from engine.speech.prompts import AudioCache
from engine.speech.service import cache_of

SOUND = sound.finish(tone(), "alaw")
NAME = hashlib.sha256(SOUND).hexdigest()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


def section(endpoint: str, bucket: str = "zvonar") -> S3:
    return S3(endpoint=endpoint, bucket=bucket, region="us-east-1", access_key="key", secret_key="secret")


@pytest.fixture
def store(server: str) -> Iterator[Any]:
    """The bucket as its owner sees it; empty."""
    given = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=server, **given)
    client.create_bucket(Bucket="zvonar")
    yield client
    for one in client.list_objects_v2(Bucket="zvonar").get("Contents", []):
        client.delete_object(Bucket="zvonar", Key=one["Key"])
    client.delete_bucket(Bucket="zvonar")


def cache(folder: Path, server: str) -> AudioCache:
    return AudioCache(folder, "alaw", Bucket(section(server)))


def test_a_file_made_on_one_machine_is_had_on_another(tmp_path: Path, server: str, store: Any) -> None:
    here, there = cache(tmp_path / "here", server), cache(tmp_path / "there", server)
    assert not there.has(NAME)
    assert here.put(SOUND) == NAME
    assert there.has(NAME, len(SOUND)) and there.read(NAME) == SOUND
    (kept,) = store.list_objects_v2(Bucket="zvonar")["Contents"]
    assert (kept["Key"], kept["Size"]) == (f"audio/{NAME}", len(SOUND))


def test_a_file_that_is_there_is_not_sent_again(tmp_path: Path, server: str, store: Any) -> None:
    first, second = cache(tmp_path / "a", server), cache(tmp_path / "b", server)
    first.put(SOUND)
    (before,) = store.list_objects_v2(Bucket="zvonar")["Contents"]
    second.put(SOUND)
    (after,) = store.list_objects_v2(Bucket="zvonar")["Contents"]
    assert before["LastModified"] == after["LastModified"]


def test_what_the_bucket_has_broken_is_not_taken(tmp_path: Path, server: str, store: Any) -> None:
    store.put_object(Bucket="zvonar", Key=f"audio/{NAME}", Body=b"something else")
    assert not cache(tmp_path, server).has(NAME)
    assert list(tmp_path.rglob("*.alaw")) == []


@pytest.mark.parametrize("bucket, told", [("nobodys", "NoSuchBucket"), ("zvonar", "s3: ")])
def test_a_bucket_that_is_not_there_is_told(server: str, bucket: str, told: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
    endpoint = server if bucket == "nobodys" else f"http://127.0.0.1:{port}"
    with pytest.raises(Unreachable, match=told):
        Bucket(section(endpoint, bucket)).put(NAME, SOUND)


def test_settings_with_a_bucket_have_a_cache_behind_which_it_is(
    tmp_path: Path, server: str, store: Any
) -> None:
    made = cache_of(settings(tmp_path, s3=section(server).model_dump()))
    made.put(SOUND)
    made.drop(NAME)
    assert made.has(NAME), "it is fetched"
