"""The recorded series `aa:*`: the input of alerts and dashboard, from our series or the exporter's.

Our own series and those of NATS' Prometheus exporter (with its default prefix, or with `nats`, as its Helm chart has
it) feed the same names. Several replicas, each of which looks at the same broker, count once. A failed scrape or two
leave no gap.
"""

from typing import Any

from generator.alerts_vendors import UNVERIFIED_WINDOW_S
from generator.clock import Clock

# Four scrapes: what is older than that is no longer true.
_BRIDGE_S = 60
_RATE_S = 300
LETTERS_S = 600
BURN_WINDOWS_S = (300, 3600, 7200, 86_400)
_OURS = "ingest_requests_total"

Rule = dict[str, Any]


def recording_rules(clock: Clock) -> dict[str, list[Rule]]:
    """Return the recording rules, by group."""
    return {
        "aa-broker": _broker(clock),
        "aa-dead-letters": _dead_letters(clock),
        "aa-work": _work(clock),
        "aa-vendors": _vendors(clock),
        "aa-objectives": [rule for window_s in BURN_WINDOWS_S for rule in _objectives(clock, window_s)],
    }


def _broker(clock: Clock) -> list[Rule]:
    durable = _named("durable", "consumer_name")
    stream = _named("stream", "stream_name")

    def of_durable(name: str, how: str = "max") -> str:
        return durable(stream(f"{how} by (stream_name, consumer_name) ({_last(clock, name)})"), "stream, durable")

    def of_exporters_durable(name: str) -> str:
        either = _either(clock, name, leader="is_consumer_leader")
        return durable(stream(f"max by (stream_name, consumer_name) ({either})"), "stream, durable")

    def of_exporters_stream(name: str) -> str:
        return stream(f"max by (stream_name) ({_either(clock, name, leader='is_stream_leader')})", "stream")

    def of_stream(name: str) -> str:
        return stream(f"max by (stream_name) ({_last(clock, name)})", "stream")

    return [
        _rule("aa:consumer_pending:messages", of_exporters_durable("consumer_num_pending")),
        _rule("aa:consumer_ack_pending:messages", of_exporters_durable("consumer_num_ack_pending")),
        _rule("aa:consumer_lag:messages", "aa:consumer_pending:messages + aa:consumer_ack_pending:messages"),
        _rule("aa:consumer_redelivered:messages", of_exporters_durable("consumer_num_redelivered")),
        _rule("aa:consumer_ack_floor:sequence", of_exporters_durable("consumer_ack_floor_stream_seq")),
        _rule("aa:consumer_oldest:seconds", of_durable("aa_consumer_oldest_unprocessed_seconds")),
        _rule("aa:consumer_time_to_loss:seconds", of_durable("aa_consumer_time_to_data_loss_seconds", "min")),
        _rule("aa:consumer_abandoned:messages", of_durable("aa_consumer_abandoned_messages")),
        _rule("aa:consumer_paused:bool", of_durable("aa_consumer_paused")),
        _rule("aa:consumer_missing:bool", of_durable("aa_consumer_missing")),
        _rule("aa:stream:messages", of_exporters_stream("stream_total_messages")),
        _rule("aa:stream:bytes", of_exporters_stream("stream_total_bytes")),
        _rule("aa:stream:limit_bytes", of_exporters_stream("stream_limit_bytes")),
        _rule("aa:stream_full:ratio", "aa:stream:bytes / (aa:stream:limit_bytes > 0)"),
        _rule("aa:stream_max_age:seconds", of_stream("aa_stream_max_age_seconds")),
        _rule("aa:stream_missing:bool", of_stream("aa_stream_missing")),
        _rule("aa:stream:replicas", of_stream("aa_stream_replicas")),
        _rule("aa:stream:replicas_current", of_stream("aa_stream_replicas_current")),
        _rule("aa:stream_leaderless:bool", of_stream("aa_stream_leaderless")),
        _rule(
            "aa:retention_used:ratio",
            "aa:consumer_oldest:seconds / on (stream) group_left () (aa:stream_max_age:seconds > 0)",
        ),
        _rule("aa:config_differences:fields", f"max by (object) ({_last(clock, 'aa_config_differences')})"),
        _rule("aa:nats_sync_always:bool", f"max({_last(clock, 'aa_nats_sync_always')})"),
        _rule("aa:watch_success:bool", f"max({_last(clock, 'aa_watch_success')})"),
    ]


def _dead_letters(clock: Clock) -> list[Rule]:
    # A counter that is born at 1 has no increase: what was not there at the start of the window counts as a whole.
    counter, window = "dlq_messages_total", clock.span(LETTERS_S)
    arrived = f"({counter} unless {counter} offset {window}) or increase({counter}[{window}])"
    return [
        _rule("aa:dead_letters_by_subject:messages", f"max by (subject) ({_last(clock, 'dlq_messages_waiting')})"),
        # The exporter counts those that were put aside too: ours comes first.
        _rule(
            "aa:dead_letters:messages",
            'sum(aa:dead_letters_by_subject:messages) or max(aa:stream:messages{stream="AA_DLQ"})',
        ),
        _rule("aa:dead_letters_shelved:messages", f"max by (shelf) ({_last(clock, 'dlq_messages_shelved')})"),
        _rule("aa:dead_letter_oldest:seconds", f"max({_last(clock, 'dlq_oldest_seconds')})"),
        _rule(
            "aa:dead_letters_arrived:increase10m",
            f"sum by (consumer, reason) ({arrived})",
        ),
    ]


def _work(clock: Clock) -> list[Rule]:
    rate = clock.span(_RATE_S)
    messages = f'rate({{__name__=~"normalize_.+_messages_total"}}[{rate}])'
    # Fetch has a vendor where others have a durable.
    fetching = f'label_replace({_last(clock, "fetch_holding")}, "durable", "fetch-$1-durable", "vendor", "(.+)")'
    holding = f"{_last(clock, 'normalize_holding')} or {fetching}"
    unaccounted = _last(clock, '{__name__=~"ledger_.+_unaccounted_messages"}')
    ledger = f'label_replace({unaccounted}, "kind", "$1", "__name__", "ledger_(.+)_unaccounted_messages")'
    return [
        _rule("aa:normalize_messages:rate5m", f"sum by (stream, durable, subject, result) ({messages})"),
        _rule("aa:ingest_requests:rate5m", f"sum by (kind, status) (rate({_OURS}[{rate}]))"),
        _rule("aa:ingest_refusals:increase5m", f"sum by (cause) (increase(ingest_refusals_total[{rate}]))"),
        _rule("aa:message_journal_failures:increase5m", f"sum(increase(message_journal_failures_total[{rate}]))"),
        _rule(
            "aa:message_journal_cut_short:increase5m", f"sum(increase(message_journal_cut_short_bytes_total[{rate}]))"
        ),
        _rule("aa:message_journal_free:bytes", f"min({_last(clock, 'message_journal_free_bytes')})"),
        _rule("aa:ingest_ready:bool", f"max({_last(clock, 'ingest_ready')})"),
        _rule("aa:fuse_open:bool", f"max by (durable) ({_last(clock, 'normalize_fuse_open')})"),
        # One replica that holds while others work is no incident: lag would tell.
        _rule("aa:holding:bool", f"min by (durable) ({holding})"),
        _rule("aa:ledger_unaccounted:messages", f"max by (kind) ({ledger})"),
    ]


def _vendors(clock: Clock) -> list[Rule]:
    window, name = clock.span(UNVERIFIED_WINDOW_S), Clock().span(UNVERIFIED_WINDOW_S)
    # What has no signature, or none that can be read, is a stranger's: it says nothing about the vendor's secret.
    failed = f'webhook_verification_failures_total{{cause=~"mismatch|too-old"}}[{window}]'
    proven = f"increase(webhook_accepted_total[{window}]) + increase(webhook_duplicates_total[{window}])"
    return [
        _rule(f"aa:webhooks_unverified:increase{name}", f"sum by (vendor) (increase({failed}))"),
        _rule(f"aa:webhooks_verified:increase{name}", f"sum by (vendor) ({proven})"),
        _rule("aa:ledger_unaccounted:webhooks", f"max by (durable) ({_last(clock, 'ledger_unaccounted_webhooks')})"),
        _rule("aa:vendor_paused:bool", f"min by (vendor) ({_last(clock, 'fetch_paused')})"),
    ]


def _objectives(clock: Clock, window_s: int) -> list[Rule]:
    """The share of failures over one window: refusals because of our own failures, readings stored too late."""
    window, name = clock.span(window_s), Clock().span(window_s)
    ours = f'sum(increase({_OURS}{{status=~"429|503"}}[{window}]))'
    readings = f'sum(increase({{__name__=~"normalize_.+_readings_total", result=~"success|superseded"}}[{window}]))'
    fresh = f'sum(increase({{__name__=~"normalize_.+_readings_fresh_total"}}[{window}]))'
    return [
        _rule(f"aa:ingest_requests:increase{name}", f"sum(increase({_OURS}[{window}]))"),
        _rule(f"aa:ingest_errors:ratio{name}", f"{ours} / (aa:ingest_requests:increase{name} > 0)"),
        _rule(f"aa:readings_stored:increase{name}", readings),
        _rule(f"aa:readings_late:ratio{name}", f"clamp_min(1 - {fresh} / (aa:readings_stored:increase{name} > 0), 0)"),
    ]


def _rule(name: str, expr: str) -> Rule:
    return {"record": name, "expr": expr}


def _last(clock: Clock, selector: str) -> str:
    return f"last_over_time({selector}[{clock.span(_BRIDGE_S)}])"


def _either(clock: Clock, name: str, *, leader: str) -> str:
    """Our series and the exporter's; of the latter the leader's, since followers report too, but late."""
    chosen = f'{{stream_name=~"AA_.+", {leader}=~"|true"}}'
    return f"{_last(clock, f'jetstream_{name}{chosen}')} or {_last(clock, f'nats_{name}{chosen}')}"


def _named(ours: str, theirs: str) -> Any:
    def rename(expr: str, by: str = "") -> str:
        renamed = f'label_replace({expr}, "{ours}", "$1", "{theirs}", "(.+)")'
        return f"max by ({by}) ({renamed})" if by else renamed

    return rename
