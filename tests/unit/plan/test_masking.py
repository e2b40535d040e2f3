"""Secrets in free text: what a host or a person wrote, wherever it leaves."""

from __future__ import annotations

import pytest

from provisioner.plan.masking import masked, shown


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("-Djavax.net.ssl.keyStorePassword=hunter2", "-Djavax.net.ssl.keyStorePassword=***"),
        ("java -Dx.password=hunter2 kafka.Kafka", "java -Dx.password=*** kafka.Kafka"),
        ('Environment="STORE_PASSWORD=hunter2"', 'Environment="STORE_PASSWORD=***"'),
        ("password='two words' more", "password=*** more"),
        ('username="a" password="b c";', 'username="a" password=***;'),
        ('{"api_token": "hunter2", "a": 1}', '{"api_token": ***, "a": 1}'),
        ("secret: hunter2", "secret: ***"),
        ("PASSWD = hunter2", "PASSWD = ***"),
        ("aws.credential.key=hunter2", "aws.credential.key=***"),
        ("https://me:hunter2@host/x", "https://me:***@host/x"),
        (
            "a\n-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\nb",
            "a\n-----BEGIN PRIVATE KEY-----***-----END PRIVATE KEY-----\nb",
        ),
        ("-----BEGIN RSA PRIVATE KEY-----\nhunter2", "-----BEGIN RSA PRIVATE KEY-----***"),
    ],
)
def test_masked(text: str, found: str) -> None:
    assert masked(text) == found
    assert masked(found) == found


@pytest.mark.parametrize(
    "text",
    [
        "num.io.threads is 8, not 4",
        "sudo: a password is required",
        "Permission denied (publickey,password).",
        "http://localhost:9092/path",
        "PLAINTEXT://localhost:9092",
        "the password that was given with -K is wrong",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert masked(text) == text


def test_values_of_plans() -> None:
    assert shown("ssl.key.password", "x") == {"secret": True, "changed": True}
    assert shown("opt.06", "-Da.password=x") == "-Da.password=***"
    assert shown("drop_ins", ("/x", "A_TOKEN=y")) == ("/x", "A_TOKEN=***")
    assert shown("heap", "512m") == "512m"
