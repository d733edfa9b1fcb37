"""The files of the environments: what they say, and what is said about one that is wrong."""

from pathlib import Path

import pytest

from athlete_ally.config.environment_file import decode_environment, environment_of, load_environment
from athlete_ally.config.settings import load_settings
from athlete_ally.core.broker.topology import DEV
from athlete_ally.core.errors import Misconfigured

FILES = Path(__file__).parents[3] / "deploy/environments"
TEXT = (FILES / "dev.toml").read_text("utf-8")


def test_dev_needs_no_file() -> None:
    """
    The file of dev says what is built in, value for value.
    """
    assert load_environment(FILES / "dev.toml") == DEV


@pytest.mark.parametrize("path", sorted(FILES.glob("*.toml")), ids=lambda path: path.stem)
def test_each_file_is_for_the_environment_that_it_is_named_for(path: Path) -> None:
    """
    `production.toml` is production's, and no other's.
    """
    assert load_environment(path).environment == path.stem


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('max_age = "48h"', "max_age = 48", r"\[streams.AA_CORE_HOT\] '48' has none of the units.*max_age"),
        ('max_age = "48h"', 'max_aeg = "48h"', r"max_aeg"),
        (
            'max_bytes = "1 GiB"',
            'max_bytes = "1 GB"',
            r"\[streams.AA_CORE_HOT\] '1 GB' has none of the units.*max_bytes",
        ),
        ("replicas = 1", "replicas = 0", r">= 1.*replicas|replicas.*>= 1|`int` >= 1"),
        ("[streams.AA_DLQ]", "[streams.AA_DLG]", r"streams are AA_ADVISORY.*AA_DLG.*expected"),
        ('environment = "dev"', 'environment = "prod"', r"prod"),
        ("stream_full_share = 0.8", "stream_full_share = 80", r"stream_full_share"),
        ('environment = "dev"', "environment = ", r"line 4"),
    ],
)
def test_a_mistake_is_named(old: str, new: str, complaint: str) -> None:
    """
    A missing unit, a misspelt field, a stream that is none of ours: the error names field or value.
    """
    with pytest.raises(ValueError, match=complaint):
        decode_environment(TEXT.replace(old, new, 1))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """
    With its path, and the setting that names it.
    """
    with pytest.raises(Misconfigured, match=r"nowhere\.toml.*AA_ENVIRONMENT_FILE"):
        load_environment(tmp_path / "nowhere.toml")


def test_a_file_of_another_environment_is_refused() -> None:
    """
    `AA_ENVIRONMENT` and the file have to agree, where both are given.
    """
    settings = load_settings(environment="dev", environment_file=FILES / "staging.toml")

    with pytest.raises(Misconfigured, match="is the file of staging"):
        environment_of(settings)


def test_the_file_alone_says_which_environment_it_is() -> None:
    """
    Without `AA_ENVIRONMENT` nothing contradicts the file.
    """
    assert environment_of(load_settings(environment_file=FILES / "production.toml")).environment == "production"
