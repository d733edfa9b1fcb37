"""What each field of a stream or durable means, and what a change of it does: for `streams explain`. Pure."""

from dataclasses import dataclass

from athlete_ally.ops.streams.difference import What


@dataclass(frozen=True, slots=True)
class FieldNote:
    """One field; `codes` are the errors of the server when a change is refused."""

    what: What
    name: str
    meaning: str
    change: str
    codes: tuple[int, ...] = ()


def notes_on(name: str) -> list[FieldNote]:
    """Return what is known of a field: streams and durables share some names."""
    return [note for note in FIELDS if note.name == name]


def _stream(name: str, meaning: str, change: str, *codes: int) -> FieldNote:
    return FieldNote("stream", name, meaning, change, codes)


def _durable(name: str, meaning: str, change: str, *codes: int) -> FieldNote:
    return FieldNote("durable", name, meaning, change, codes)


_NEVER = "Can't be changed: copy the stream to one with a new name, move the services, retire the old one."
_FOREVER = "One way: once on, the server refuses to turn it off."
_REMAKE = "Can't be changed: stop the workers, note the ack floor, make it again, reset it to that place."

FIELDS = (
    _stream("name", "What the stream is called.", _NEVER, 10056),
    _stream("description", "A sentence for people.", "Safe."),
    _stream("metadata", "Owner, environment and thresholds; `nats server check` reads `io.nats.monitor.*`.", "Safe."),
    _stream(
        "subjects",
        "What the stream takes in.",
        "More is safe, unless another stream has them. Fewer affects publishers: they get no answer there.",
        10065,
    ),
    _stream(
        "retention",
        "limits keeps until a limit is reached; interest deletes what no consumer waits for; workqueue what is done.",
        "limits to interest deletes at once, all of it where there is no consumer. To or from workqueue is refused.",
        10052,
    ),
    _stream("storage", "file or memory.", _NEVER, 10052),
    _stream(
        "discard",
        "What a full stream does: new refuses what arrives, old forgets the oldest in silence.",
        "old to new affects publishers of a full stream. new to old is destructive, from now on.",
    ),
    _stream("compression", "How blocks are packed on disk; new blocks only. None on several servers.", "Safe."),
    _stream(
        "num_replicas",
        "How many servers hold a copy.",
        "Affects the service while copies are filled or dropped. Needs a cluster; not together with placement.",
        10074,
        10123,
    ),
    _stream("placement", "On which servers the stream lies.", "Affects the service: it moves while it works."),
    _stream(
        "max_age",
        "How long a message is kept, processed or not, in nanoseconds; 0 is for ever.",
        "Longer is safe. Shorter deletes everything older at once, whatever `discard` says.",
    ),
    _stream(
        "max_bytes",
        "Room on disk, in bytes of records before compression; -1 is no limit.",
        "More is safe, within the account's limit. Less deletes the oldest at once with discard old; with discard new "
        "nothing goes, and publishers are refused.",
        10047,
    ),
    _stream("max_msgs", "Most messages; -1 is no limit.", "As max_bytes."),
    _stream(
        "max_msgs_per_subject",
        "Most messages of one subject; -1 is no limit.",
        "Less deletes the oldest of each subject at once, also with discard new.",
    ),
    _stream("max_msg_size", "Largest message, headers included, in bytes.", "Less affects publishers of large ones."),
    _stream("max_consumers", "Most consumers; -1 is no limit.", "Affects those who make consumers."),
    _stream(
        "duplicate_window",
        "How long the same message id is recognised, in nanoseconds.",
        "Longer is safe, up to max_age. Shorter affects senders: what they send again later is stored twice.",
        10052,
    ),
    _stream("allow_direct", "Whether copies may answer reads.", "Safe to turn on; affects readers to turn off."),
    _stream(
        "allow_rollup_hdrs",
        "Whether a publisher may purge with the header Nats-Rollup.",
        "Affects everybody: never on a stream that must not forget.",
    ),
    _stream("no_ack", "Whether publishes are not acknowledged.", "Affects everybody: a 2xx would promise nothing."),
    _stream("allow_msg_ttl", "Whether publishers may shorten the life of a message.", _FOREVER, 10052),
    _stream("allow_msg_schedules", "Whether publishers may schedule messages.", _FOREVER, 10052),
    _stream("deny_delete", "Forbids to delete single messages: a person's data could not be erased.", _FOREVER, 10052),
    _stream("deny_purge", "Forbids to purge.", _FOREVER, 10052),
    _stream("sealed", "Forbids every change of messages, for ever; also switches max_age off.", _FOREVER, 10052),
    _stream("mirror", "The stream that this one copies.", "Removing it is one way; anything else is refused.", 10034),
    _stream("persist_mode", "async acknowledges before it writes.", _NEVER, 10052),
    _stream("allow_msg_counter", "Whether messages are counters.", _NEVER, 10052),
    _stream("first_seq", "The first sequence of a stream that is created.", "An update accepts it and moves nothing."),
    _durable("name", "What the durable is called.", _REMAKE),
    _durable("durable_name", "The same once more, which makes it durable.", _REMAKE),
    _durable("description", "A sentence for people.", "Safe."),
    _durable("metadata", "Owner, environment and thresholds.", "Safe."),
    _durable(
        "filter_subjects",
        "Which subjects of the stream it hears.",
        "Affects the worker: what it has passed by is not given again. One that nothing is ever on makes it idle, and "
        "the server does not say so.",
    ),
    _durable("ack_policy", "explicit: each delivery is settled by itself.", _REMAKE, 10012),
    _durable("deliver_policy", "Where it begins: all, new, from a place.", _REMAKE, 10012),
    _durable("replay_policy", "As fast as possible, or as slowly as it was stored.", _REMAKE, 10012),
    _durable("max_waiting", "Most pulls that wait at once.", _REMAKE, 10012),
    _durable("mem_storage", "Whether its place is kept in memory only.", _REMAKE, 10012),
    _durable(
        "ack_wait",
        "How long a delivery may take before the message is given again, in nanoseconds.",
        "Longer is safe. Shorter affects slow work: it is done twice.",
    ),
    _durable(
        "max_deliver",
        "How often a message is given; -1 is without end. Ours is: the worker counts, and writes the dead letter.",
        "More is safe. Fewer strands what was given more often already, without an advisory.",
    ),
    _durable("max_ack_pending", "Most unacknowledged deliveries at once.", "More is safe. Fewer affects throughput."),
    _durable("backoff", "Pauses between deliveries; the first replaces ack_wait.", "Affects the worker.", 10157),
    _durable(
        "inactive_threshold",
        "After how long without a pull the server deletes it, its place included; 0 is never.",
        "Affects the worker: an outage longer than that loses its place.",
    ),
    _durable("headers_only", "Whether it gets headers without bodies.", "Affects the worker."),
)
