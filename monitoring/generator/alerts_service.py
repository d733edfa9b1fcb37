"""Alerts on services, streams and durables: what must exist and must work."""

from athlete_ally.core.broker.environment import Thresholds
from generator.alert import Alert
from generator.clock import Clock

# A rolling restart takes seconds, and a reboot less than two minutes.
DOWN_S = 120
# Intended changes, such as applying a plan or a pause, take minutes.
DELIBERATE_S = 900
# With a scrape every 15 s: a person knows within a minute.
SOON_S = 30
FILLING_WINDOW_S = 6 * 3600
FILLING_AHEAD_S = 24 * 3600
FILLING_FROM_SHARE = 0.3
FILLING_S = 3600
# Hours of a busy service: time to make room before anything is refused.
JOURNAL_FREE_BYTES = 2**30


def service_alerts(limits: Thresholds, clock: Clock) -> list[Alert]:
    """Return the alerts, with the thresholds of one environment."""
    return [*_services(), *_workers(), *_topology(), *_room(limits, clock)]


def _services() -> list[Alert]:
    return [
        Alert(
            name="AaIngestDown",
            severity="page",
            service="ingest",
            expr=_down("ingest"),
            wait_s=DOWN_S,
            summary="Ingest is down",
            description="No replica of ingest has answered a scrape.",
            impact="Clients and vendors get no answer; what they do not send again is lost.",
            first_command="athlete-ally doctor",
            panel="Services up",
        ),
        Alert(
            name="AaNormalizeDown",
            severity="page",
            service="normalize",
            expr=_down("normalize"),
            wait_s=DOWN_S,
            summary="Normalize is down",
            description="No replica of normalize has answered a scrape.",
            impact="Readings are accepted and stay pending; nothing is stored, and lag is not monitored.",
            first_command="athlete-ally doctor",
            panel="Services up",
        ),
        Alert(
            name="AaIngestRefusing",
            severity="page",
            service="ingest",
            expr='aa:ingest_refusals:increase5m{cause=~"broker|journal|stream-full|payload-limit"} > 0',
            wait_s=DOWN_S,
            summary="Ingest refuses readings: {{ $labels.cause }}",
            description="{{ $value | humanize }} requests were refused in five minutes, cause {{ $labels.cause }}.",
            impact="Senders get 503 and must retry; vendors stop retrying after hours or days.",
            first_command="athlete-ally doctor",
            panel="Refusals by cause",
        ),
        Alert(
            name="AaMessageJournalFailing",
            severity="ticket",
            service="ingest",
            expr=(
                "aa:message_journal_failures:increase5m > 0 or aa:message_journal_cut_short:increase5m > 0 or "
                f"aa:message_journal_free:bytes < {JOURNAL_FREE_BYTES}"
            ),
            wait_s=DOWN_S,
            summary="The message journal fails, or has little room",
            description=(
                "Writes fail, segments are deleted before their time, or its disk has less than 1 GiB free: "
                "{{ $value | humanize }} writes, or bytes."
            ),
            impact="What the broker loses can't be replayed; where the journal is required, senders get 503.",
            first_command="athlete-ally doctor",
            panel="Message journal: free space",
        ),
        Alert(
            name="AaTelemetryMissing",
            severity="page",
            service="monitoring",
            expr="absent(aa:watch_success:bool == 1)",
            wait_s=300,
            summary="The broker is not monitored",
            description="No replica of normalize has read the broker's figures: lag and dead letters are unknown.",
            impact="The other alerts on messages do not work.",
            first_command="athlete-ally doctor",
            panel="Services up",
        ),
        Alert(
            name="AaWatchdog",
            severity="none",
            service="monitoring",
            expr="vector(1)",
            wait_s=0,
            keep_s=0,
            summary="Alerting works",
            description="This alert always fires; if it does not arrive, alerting is broken.",
            impact="None while it fires; without it, other alerts may not arrive either.",
            first_command="athlete-ally doctor",
            panel="Firing alerts",
        ),
    ]


def _workers() -> list[Alert]:
    return [
        Alert(
            name="AaFuseOpen",
            severity="page",
            service="normalize",
            expr="aa:fuse_open:bool == 1",
            wait_s=0,
            summary="normalize stopped storing what {{ $labels.durable }} delivers",
            description="The circuit breaker of {{ $labels.durable }} is tripped: readings of most senders fail.",
            impact="Nothing of this kind is stored until a probe succeeds; it probes every few minutes by itself.",
            first_command="athlete-ally dlq top",
            panel="Workers that stopped or hold",
        ),
        Alert(
            name="AaWorkerHolding",
            severity="page",
            service="normalize",
            expr="aa:holding:bool == 1",
            wait_s=DOWN_S,
            summary="{{ $labels.durable }} waits for the broker or the database",
            description="Every worker of {{ $labels.durable }} holds its messages: the broker or the database is down.",
            impact="Nothing of this kind is stored; nothing is lost or dead-lettered meanwhile.",
            first_command="athlete-ally doctor",
            panel="Workers that stopped or hold",
        ),
    ]


def _topology() -> list[Alert]:
    return [
        Alert(
            name="AaStreamMissing",
            severity="page",
            service="streams",
            expr="aa:stream_missing:bool == 1",
            wait_s=60,
            summary="Stream {{ $labels.stream }} is missing",
            description="The broker responds, but has no stream {{ $labels.stream }}.",
            impact="Its messages are lost, and new ones are refused with 503.",
            first_command="athlete-ally streams plan",
            panel="Missing or paused",
        ),
        Alert(
            name="AaDurableMissing",
            severity="page",
            service="streams",
            expr="aa:consumer_missing:bool == 1",
            wait_s=60,
            summary="Durable {{ $labels.durable }} is missing",
            description="The broker has no durable {{ $labels.durable }} on {{ $labels.stream }}.",
            impact="Its worker gets no messages; a new durable delivers every message in the stream.",
            first_command="athlete-ally streams plan",
            panel="Missing or paused",
        ),
        Alert(
            name="AaConsumerPaused",
            severity="ticket",
            service="streams",
            expr="aa:consumer_paused:bool == 1",
            wait_s=DELIBERATE_S,
            summary="{{ $labels.durable }} is paused",
            description="{{ $labels.durable }} has been paused for too long.",
            impact="Its messages stay pending; max_age of {{ $labels.stream }} applies to them.",
            first_command="athlete-ally doctor",
            panel="Missing or paused",
        ),
        Alert(
            name="AaConfigurationDrift",
            severity="ticket",
            service="streams",
            expr="aa:config_differences:fields > 0",
            wait_s=DELIBERATE_S,
            summary="{{ $labels.object }} is not as desired",
            description="{{ $labels.object }} differs from its desired state in {{ $value | humanize }} fields.",
            impact="A delivery guarantee may depend on the field.",
            first_command="athlete-ally streams plan",
            panel="Differences from the desired state",
        ),
        Alert(
            name="AaStreamLeaderless",
            severity="page",
            service="streams",
            expr="aa:stream_leaderless:bool == 1",
            wait_s=SOON_S,
            summary="{{ $labels.stream }} has no leader",
            description="Most servers with a copy of {{ $labels.stream }} are down, or can't agree.",
            impact="It takes and delivers nothing: senders get 503.",
            first_command="athlete-ally doctor",
            panel="Streams without a leader",
        ),
        Alert(
            name="AaCopyMissing",
            severity="ticket",
            service="streams",
            expr="aa:stream:replicas_current < aa:stream:replicas unless on (stream) aa:stream_leaderless:bool > 0",
            wait_s=SOON_S,
            summary="A copy of {{ $labels.stream }} is missing or behind",
            description=(
                "{{ $labels.stream }} is complete on {{ $value | humanize }} servers: one is down, lags, threw its "
                "copy away, or has JetStream disabled."
            ),
            impact="The loss of one more server may stop the stream, or lose acknowledged readings.",
            first_command="athlete-ally doctor",
            panel="Replicas and flushing",
        ),
        Alert(
            name="AaDurabilityWeak",
            severity="ticket",
            service="streams",
            expr="aa:nats_sync_always:bool == 0 or aa:stream:replicas_current < aa:stream:replicas",
            wait_s=DELIBERATE_S,
            summary="Acknowledged messages are less durable than required",
            description=(
                "{{ if $labels.stream }}{{ $labels.stream }} is on {{ $value | humanize }} servers, too few"
                "{{ else }}nats-server acknowledges before it flushes{{ end }}."
            ),
            impact="A power cut or the loss of one more server may lose acknowledged readings.",
            first_command="athlete-ally doctor",
            panel="Replicas and flushing",
        ),
    ]


def _room(limits: Thresholds, clock: Clock) -> list[Alert]:
    # AA_ADVISORY deletes its oldest messages when it is full, as intended.
    full = 'aa:stream_full:ratio{stream!="AA_ADVISORY"}'
    growth = f'predict_linear(aa:stream:bytes{{stream!="AA_ADVISORY"}}[{clock.span(FILLING_WINDOW_S)}]'
    ahead_s = FILLING_AHEAD_S / clock.pace
    return [
        Alert(
            name="AaStreamNearlyFull",
            severity="page",
            service="streams",
            expr=f"{full} > {limits.stream_full_share}",
            wait_s=300,
            summary="{{ $labels.stream }} is nearly full",
            description="{{ $labels.stream }} holds {{ $value | humanizePercentage }} of its max_bytes.",
            impact="A full stream refuses messages: ingest answers 503, or dead letters can't be written.",
            first_command="athlete-ally doctor",
            panel="Storage used by the streams",
            limits=("stream_full_share",),
        ),
        Alert(
            name="AaStreamFillingUp",
            severity="ticket",
            service="streams",
            expr=(
                f"{growth}, {ahead_s:g}) > aa:stream:limit_bytes and {full} > {FILLING_FROM_SHARE} "
                "and aa:stream:limit_bytes > 0"
            ),
            wait_s=FILLING_S,
            summary="{{ $labels.stream }} will be full within a day",
            description="{{ $labels.stream }} would hold {{ $value | humanize1024 }}B tomorrow: more than max_bytes.",
            impact="From then on ingest answers 503, or dead letters can't be written.",
            first_command="athlete-ally doctor",
            panel="Storage used by the streams",
        ),
    ]


def _down(job: str) -> str:
    """`absent` alone is silent while a scrape fails, and `up == 0` alone if the target is missing."""
    return f'max by (job) (up{{job="{job}"}}) == 0 or absent(up{{job="{job}"}})'
