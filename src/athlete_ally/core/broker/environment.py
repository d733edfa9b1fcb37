"""What an environment chooses: the values of a file in `deploy/environments`.

What never varies is in `core.broker.topology`.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from athlete_ally.core.units_text import Size, Span

Environment = Literal["dev", "staging", "production"]

_Count = Annotated[int, Meta(ge=1)]
_Seconds = Annotated[int, Meta(ge=1)]
_Share = Annotated[float, Meta(gt=0, le=1)]


class Placement(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """On which servers of a larger system a stream lies."""

    cluster: Annotated[str, Meta(description="Name of the cluster; empty leaves it to the server.")] = ""
    tags: Annotated[tuple[str, ...], Meta(description="Tags that each server must have.")] = ()


class StreamLimits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The limits of one stream."""

    max_age: Annotated[Span, Meta(description="How long a message is kept, used or not.")]
    max_bytes: Annotated[Size, Meta(description="Room on disk; a full stream refuses, AA_ADVISORY forgets the oldest.")]
    duplicate_window: Annotated[Span, Meta(description="How long the same message id is recognised.")]
    replicas: Annotated[int, Meta(ge=1, le=5, description="On how many servers it is kept.")] = 1
    placement: Annotated[Placement, Meta(description="Where it lies.")] = Placement()
    compression: Annotated[
        Literal["", "none", "s2"],
        Meta(description="How blocks are packed on disk; empty: s2 on one server, none on several."),
    ] = ""

    @property
    def packing(self) -> Literal["none", "s2"]:
        """How blocks are packed: not at all on several servers, where a killed one may lose its copy with s2."""
        return self.compression or ("s2" if self.replicas == 1 else "none")


class DurableLimits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The limits of the durables."""

    max_ack_pending: Annotated[
        _Count, Meta(description="Most unacknowledged deliveries at once, over all workers.")
    ] = 2000


class Expectation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which server is the right one; what is empty is not compared."""

    cluster: Annotated[str, Meta(description="Name of the cluster.")] = ""
    account: Annotated[str, Meta(description="Account of our user.")] = ""
    domain: Annotated[str, Meta(description="JetStream domain.")] = ""
    min_server: Annotated[str, Meta(pattern=r"^\d+\.\d+(\.\d+)?$", description="Oldest server that will do.")] = "2.12"
    min_api_level: Annotated[int, Meta(ge=0, description="Lowest level of the JetStream API that will do.")] = 2


class Thresholds(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From where on alerts fire and dashboards turn red; streams and durables carry them as metadata."""

    consumer_lag_messages: Annotated[_Count, Meta(description="Messages that wait for a durable.")] = 10_000
    consumer_lag_age_s: Annotated[_Seconds, Meta(description="Age of the oldest message that waits, in seconds.")] = 300
    dead_letters_waiting_for_s: Annotated[
        _Seconds, Meta(description="How long a dead letter may wait unseen, in seconds.")
    ] = 300
    dead_letters_arriving_per_10m: Annotated[_Count, Meta(description="Dead letters that arrive in ten minutes.")] = 20
    dead_letter_oldest_s: Annotated[_Seconds, Meta(description="Age of the oldest dead letter, in seconds.")] = 86_400
    retention_cliff_share: Annotated[
        _Share, Meta(description="Share of max_age that the oldest unprocessed message has used.")
    ] = 0.5
    retention_cliff_critical_share: Annotated[_Share, Meta(description="The same, for paging a person.")] = 0.8
    stream_full_share: Annotated[_Share, Meta(description="Share of max_bytes that a stream holds.")] = 0.8


class EnvironmentSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that an environment chooses."""

    environment: Annotated[Environment, Meta(description="Whose file this is.")]
    owner: Annotated[
        str, Meta(min_length=1, description="The owner of streams and durables, written into the metadata of each.")
    ]
    streams: Annotated[dict[str, StreamLimits], Meta(description="The limits of each stream, by its name.")]
    durable: Annotated[DurableLimits, Meta(description="The limits of every durable.")] = DurableLimits()
    durables: Annotated[dict[str, DurableLimits], Meta(description="Durables with limits of their own, by name.")] = (
        field(default_factory=dict[str, DurableLimits])
    )
    allow_edit_dead_letters: Annotated[
        bool, Meta(description="Whether `dlq edit` may change dead letters in production.")
    ] = False
    expect: Annotated[Expectation, Meta(description="Which server is the right one.")] = Expectation()
    thresholds: Annotated[Thresholds, Meta(description="From where on alerts fire.")] = Thresholds()
    silence: Annotated[
        dict[str, Annotated[str, Meta(min_length=10)]],
        Meta(description="Lint findings that are accepted, by id or `id:name`, each with its reason."),
    ] = field(default_factory=dict[str, str])

    def limits_of(self, durable: str) -> DurableLimits:
        """Return the limits of a durable: its own, or those of all."""
        return self.durables.get(durable, self.durable)
