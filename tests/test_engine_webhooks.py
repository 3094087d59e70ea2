"""One delivery to a client's system: signed, to a permitted address, in time, whatever is answered."""

import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from client_system import CERTIFICATE, KEY, ClientSystem, Reply, raw, status, verified
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.gateways.webhooks import MOST_S, PATIENCE_S, Answer, delay_s, permitted, post
from engine.sections import Webhook
from storage.db import new_id

BODY = '{"results": "итоги"}'.encode()
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def hook(url: str, **changes: Any) -> Webhook:
    return Webhook(**{"url": url, "secrets": [KEY], "allow_private": True, "timeout_s": 5} | changes)


def posted(to: Webhook, delivery: UUID | None = None) -> Answer:
    return post(to, BODY, delivery or new_id(), datetime.now(UTC))


def answered(*replies: Reply, **changes: Any) -> Answer:
    with ClientSystem(*replies) as erp:
        return posted(hook(erp.url, **changes))


def test_a_delivery_is_signed_and_known_by_its_id() -> None:
    delivery = new_id()
    with ClientSystem() as erp:
        assert posted(hook(erp.url), delivery) == Answer()
        assert posted(hook(erp.url), delivery) == Answer()
    (headers, body), (again, _) = erp.deliveries
    assert body == BODY
    assert headers["Host"] == f"localhost:{erp.port}"
    assert headers["Content-Type"] == "application/json"
    assert headers["Zvonar-Delivery"] == again["Zvonar-Delivery"] == str(delivery)
    assert verified(headers, body)
    assert not verified(headers, body + b" ")
    assert not verified(headers, body, "another key of theirs")
    assert not verified(headers, body, now=time.time() + 301)


def test_while_keys_are_changed_either_of_them_fits() -> None:
    other = "the key of tomorrow"
    with ClientSystem() as erp:
        posted(hook(erp.url, secrets=[KEY, other]))
    ((headers, body),) = erp.deliveries
    assert verified(headers, body)
    assert verified(headers, body, other)


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        (status(204), Answer()),
        (status(500), Answer("HTTP 500")),
        (status(410), Answer("HTTP 410")),
        (status(429, Retry_After="17"), Answer("HTTP 429", 17.0)),
        (status(429, Retry_After="in a while"), Answer("HTTP 429")),
        (status(503, Retry_After="Fri, 31 Dec 1999 23:59:59 GMT"), Answer("HTTP 503", 0.0)),
        (raw("HTTP/1.1 20"), Answer("the answer was cut off")),
        (raw(""), Answer("the answer was cut off")),
        (raw("nonsense\r\n\r\n"), Answer("the answer was cut off")),
        (raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nha"), Answer()),
    ],
)
def test_only_2xx_is_an_acceptance(reply: Reply, answer: Answer) -> None:
    assert answered(reply) == answer


def test_a_date_to_retry_after_is_told_in_seconds() -> None:
    with ClientSystem(status(503, Retry_After="Sun, 22 Nov 2026 12:00:30 GMT")) as erp:
        assert post(hook(erp.url), BODY, new_id(), NOW).retry_after_s == 30


def test_a_redirect_is_not_followed() -> None:
    with ClientSystem() as other, ClientSystem(status(307, Location=other.url)) as erp:
        assert posted(hook(erp.url)) == Answer("HTTP 307: redirects are not followed")
    assert other.deliveries == []


@pytest.mark.parametrize(
    "reply",
    [
        raw("HTTP/1.1 200 OK\r\n", pause_s=3),
        raw("H", pause_s=0.1, times=100),
    ],
    ids=["silent", "dripping"],
)
def test_a_delivery_ends_at_its_deadline_however_slowly_it_is_answered(reply: Reply) -> None:
    began = time.monotonic()
    assert answered(reply, timeout_s=0.5) == Answer("no answer within 0.5 s")
    assert time.monotonic() - began < 2.5


def test_nobody_there_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert posted(hook(f"http://localhost:{port}/")) == Answer("Connection refused")
    assert posted(hook("http://nobody.invalid/")) == Answer("its name is not known")


def test_a_certificate_is_verified_always() -> None:
    with ClientSystem(tls=True) as erp:
        told = posted(hook(erp.url))
        assert told.error.startswith("its certificate is not accepted: ")
        elsewhere = erp.url.replace("localhost", "127.0.0.1")
        assert posted(hook(elsewhere, ca_file=str(CERTIFICATE))).error.startswith("its certificate")
        assert erp.deliveries == []
        assert posted(hook(erp.url, ca_file=str(CERTIFICATE))) == Answer()
    with ClientSystem() as plain:
        secured = plain.url.replace("http:", "https:")
        assert posted(hook(secured)).error.startswith("TLS: ")


@pytest.fixture
def listener() -> Iterator[tuple[int, list[Any]]]:
    """A port of this machine, and who connected to it."""
    came: list[Any] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            try:
                while True:
                    came.append(server.accept())
            except OSError:
                return

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1], came
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::ffff:127.0.0.1]"])
def test_an_address_of_our_own_is_not_even_connected_to(host: str, listener: tuple[int, list[Any]]) -> None:
    port, came = listener
    told = posted(hook(f"https://{host}:{port}/", allow_private=False))
    assert told == Answer("its address is private or no host's: see allow_private")
    assert came == []


@pytest.mark.parametrize(
    ("address", "outside", "inside"),
    [
        ("93.184.215.14", True, True),
        ("2606:2800:220:1::1", True, True),
        ("10.1.2.3", False, True),
        ("172.16.0.1", False, True),
        ("192.168.1.1", False, True),
        ("100.64.0.1", False, True),
        ("127.0.0.1", False, True),
        ("::1", False, True),
        ("fd00::1", False, True),
        ("::ffff:10.1.2.3", False, True),
        ("::ffff:93.184.215.14", True, True),
        ("169.254.169.254", False, False),
        ("::ffff:169.254.169.254", False, False),
        ("fe80::1%eth0", False, False),
        ("::", False, False),
        ("239.1.1.1", False, False),
        ("64:ff9b::7f00:1", False, False),
        ("2002:7f00:1::", False, False),
    ],
)
def test_which_addresses_are_permitted(address: str, outside: bool, inside: bool) -> None:
    assert (permitted(address, False), permitted(address, True)) == (outside, inside)


@given(st.integers(1, 10_000), st.floats(0, 1), st.none() | st.floats(0))
def test_tries_are_further_and_further_apart(failures: int, chance: float, asked: float | None) -> None:
    delay = delay_s(failures, chance, asked)
    assert 0.5 <= delay <= PATIENCE_S
    assert delay >= min(asked or 0, PATIENCE_S)
    assert delay_s(failures + 1, chance) >= delay_s(failures, chance)
    assert delay_s(failures, 0) * 2 == delay_s(failures, 1) <= MOST_S


def test_the_first_tries_follow_within_seconds() -> None:
    assert [delay_s(failures, 1) for failures in (1, 2, 3, 10)] == [1, 2, 4, MOST_S]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"url": "http://erp.example/"}, "https only"),
        ({"url": "ftp://erp.example/", "allow_private": True}, "https only"),
        ({"url": "https://"}, "write https"),
        ({"url": "https://user:word@erp.example/"}, "write https"),
        ({"url": "https://erp.example:0/"}, "write https"),
        ({"url": "https://erp.example:port/"}, "write https"),
        ({"url": "https://erp.example/#part"}, "write https"),
        ({"url": "https://erp.example/a b"}, "write https"),
        ({"url": "https://почта.example/"}, "write https"),
        ({"secrets": []}, "a key to sign with"),
        ({"tells": "masking", "campaigns": ["autumn"]}, "told of all of it"),
        ({"secrets": ["short"]}, "at least 16"),
        ({"batch": 501}, "less than or equal to 500"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, Any], what: str) -> None:
    whole = {"url": "https://erp.example/", "secrets": [KEY]}
    assert Webhook(**whole).url
    with pytest.raises(ValidationError, match=what):
        Webhook(**whole | changes)
