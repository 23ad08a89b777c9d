"""One call on its way: who asks for what, what was tried, and what it comes to."""

import logging
from time import monotonic
from typing import TYPE_CHECKING, Any, cast

import msgspec

from analytics import records
from analytics.costs import MOST_PICOUSD, cost_picousd
from analytics.records import Attempt, Outcome, Record, Source
from gateway import admission, formats, media, tokens
from gateway.controls import Controls
from gateway.errors import GatewayError, StorageUnavailable
from gateway.exchange import Exchange
from gateway.formats import wire
from gateway.formats.kinds import AnyClient, Uploading
from gateway.formats.types import Asked, JSONDict, Prompt, Quirks, Usage
from gateway.idempotency import First
from gateway.journal import Entry, Journal
from gateway.kept import Kept
from gateway.routing import Target
from gateway.snapshot import Budgets, Principal, Snapshot
from gateway.state import Lease
from gateway.upload import Upload

if TYPE_CHECKING:
    from gateway.attempt import Opened

# Reserved in the journal for a call's end line; what would make it longer is cut.
END_BYTES = 8 << 10
# How much of a body is kept where the operator has switched that on, in characters. In JSON one
# character is at most six bytes.
BODY_CHARS = 32 << 10
BODY_BYTES = 2 * 6 * BODY_CHARS
# Headers that say what a client is and wants, and hold no secret; kept where bodies are.
KEPT_HEADERS = (
    "accept", "anthropic-beta", "anthropic-version", "content-type", "openai-beta", "user-agent",
    "x-app", "x-stainless-lang", "x-stainless-package-version", "x-stainless-retry-count",
    "x-omniroute-no-cache", "x-omniroute-no-fallback", "x-omniroute-max-cost",
)  # fmt: skip
HEADER_CHARS = 200
HEADERS_BYTES = len(KEPT_HEADERS) * 8 * (HEADER_CHARS + 50)


# Features that a client asks for beside the body.
PASSED_HEADERS = frozenset({b"anthropic-beta"})

log = logging.getLogger(__name__)


class Call:
    """What the pipeline's steps read and fill in; `account` makes the log row of it."""

    raw = b""  # as it came
    body = b""  # as it is relayed: with what the operator has to say in it
    form_type = ""  # the content type of a request that is a form
    upload: Upload | None = None  # that form, where its file is passed on as it comes
    model = ""
    combo = ""  # that the model is, by its name or an alias
    stream = False
    estimated_input = 0
    max_tokens: int | None = None  # of the answer, where the client bounds it
    paying: tuple[tuple[str, Budgets], ...] = ()  # budgets, and the name each is counted under
    target: Target | None = None
    usage: Usage | None = None
    text_chars = 0
    dropped: tuple[str, ...] = ()
    controls = Controls()
    lease: Lease | None = None  # of the key's limits and budgets
    account_lease: Lease | None = None  # of the limits of the account that answers
    lost_picousd = 0  # what attempts may have cost that lost against another
    trace = "{}"  # JSON of `selection.Trace`
    cache = ""  # `hit`, `miss`, or `again`: an answer to the same Idempotency-Key
    cache_key: str | None = None
    kept: Kept | None = None  # that is given again
    first: First | None = None  # with its Idempotency-Key
    entry: Entry | None = None
    finished = False  # the whole answer was received
    answer_type = ""  # the content type of an answer that is not the format's usual one
    accounted = False
    _prompt: Any = None
    _known: Record | None = None  # `_asked`, once it is written down

    def __init__(self, exchange: Exchange, format: AnyClient, snapshot: Snapshot) -> None:
        self.exchange, self.format, self.snapshot = exchange, format, snapshot
        self.principal: Principal = snapshot.anyone
        self.request: JSONDict = {}
        self.undecided: JSONDict = {}  # the request without what the operator says of thinking
        self.own: JSONDict = {}  # the request as its client knows it, without the operator's words
        self.referred: JSONDict = {}  # fields of the request that are resolved, and told of again
        self.units: dict[str, int] = {}  # what else it is going to use
        self.attempts: list[Attempt] = []
        self.fetched: media.Known = {}  # what the request names by URL, for the targets tried
        self.kept_answer = bytearray()

    @property
    def prompt(self) -> Any:
        """The request in the neutral form of its kind, decoded when the first target needs it."""
        if self._prompt is None:
            prompt = self.format.decode_request(self.request)
            # Which some formats say in the address.
            told: JSONDict = {"model": self.model}
            if isinstance(prompt, Prompt):
                told["stream"] = self.stream
            self._prompt = msgspec.structs.replace(prompt, **told)
        return self._prompt

    def take_form(self) -> None:
        """The request is what is known of the form by now. Raises `BadRequest` where that is wrong."""
        if self.upload is None:
            return
        self.request = self.own = self.upload.fields()
        self._prompt = self._known = None
        self.raw = wire.dumps(self.request)
        self.format.check_request(self.request)
        self.model, self.stream = self.format.wants(self.exchange.path, self.request)

    def measure(self) -> None:
        """What the file comes to, as far as it can be estimated."""
        if self.upload is not None:
            format = cast(Uploading, self.format)
            self.units |= format.file_units(self.upload.head, self.upload.likely_size)

    def said_to(self, quirks: Quirks) -> JSONDict:
        """The request for a model of the client's format: it is to think as the operator says, and
        told in a way that it takes."""
        thinking = self.principal.thinking
        known = quirks.reasoning or quirks.efforts or quirks.max_output_tokens
        if thinking is None or not known or not formats.is_chat(self.format):
            return self.request
        if quirks.reasoning == "none":
            return self.undecided
        return self.format.with_thinking(self.undecided, thinking.at(quirks))

    @property
    def asked(self) -> Asked:
        return Asked(
            model=self.model,
            id=self.exchange.id,
            created=int(self.exchange.time),
            include_usage=isinstance(self.prompt, Prompt) and self.prompt.include_usage,
            request=self.own | self.referred,
            estimate=self.expected,
        )

    @property
    def expected(self) -> Usage:
        """What it uses before any answer, as far as that can be estimated."""
        return Usage(input_tokens=self.estimated_input, units=self.units)

    def estimate(self, target: Target) -> tuple[int, int]:
        """What the call may come to at `target`, in tokens and 10⁻¹² USD."""
        return admission.estimate(
            self.estimated_input, self.max_tokens, target.model.prices, self.units
        )

    def passed_headers(self, target: Target) -> dict[str, str]:
        """Headers of the client's that mean something to an upstream of the same format."""
        if target.format.NAME != self.format.NAME:
            return {}
        return {
            name.decode(): b",".join(self.exchange.values(name)).decode("latin-1")
            for name in PASSED_HEADERS
            if name in self.exchange.headers
        }

    def tried(
        self,
        target: Target,
        began: float,
        status: int | None,
        error: str | None,
        cost_usd: str | None = None,
    ) -> None:
        """Note how an attempt ended that `began` on the monotonic clock."""
        self.attempts.append(
            Attempt(
                model=target.model.id,
                connection=target.connection.name,
                status=status,
                error=_clean(error, 200) if error else None,
                ms=round((monotonic() - began) * 1000),
                at_ms=round((began - self.exchange.started) * 1000),
                cost_usd=cost_usd,
            )
        )

    @property
    def why_it_ends(self) -> str:
        """When it is cancelled."""
        return "the client left" if self.exchange.disconnected else "the gateway stopped"

    def take(self, opened: "Opened") -> None:
        """This is the attempt that answers; no other is made."""
        self.target, self.dropped, self.account_lease = opened.target, opened.dropped, opened.lease
        self.usage, self.text_chars = opened.usage, opened.text_chars
        self.fetched.clear()
        self.measure()  # all of it has arrived
        self.answer_type = opened.content_type
        if opened.stage is not None and not formats.is_chat(self.format):
            told = opened.answer.header("content-type")
            self.answer_type = _clean(told, 100) or "application/octet-stream"

    def keep(self, answer: bytes) -> None:
        """Remember the answer's text where the operator keeps bodies."""
        if self.answer_type and not self.answer_type.startswith("text/"):
            return
        if self.snapshot.log_bodies and len(self.kept_answer) < BODY_CHARS:
            self.kept_answer += answer[:BODY_CHARS]

    def note(self, stage: formats.Stage) -> None:
        """Take over what a stream has told of its usage so far."""
        self.usage, self.text_chars = stage.usage, stage.text_chars
        self.units |= stage.units

    @property
    def usage_source(self) -> Source:
        return "reported" if self.finished and self.usage is not None else "estimated"

    def final_usage(self, outcome: Outcome) -> Usage:
        """As reported at the end; before it, what was told and at least what was written."""
        if self.kept is not None:
            return self.kept.usage or Usage()
        if self.usage_source == "reported" and self.usage is not None:
            if not self.units:
                return self.usage
            return msgspec.structs.replace(self.usage, units=self.units | self.usage.units)
        if outcome == "error" or self.target is None:
            return Usage()  # no content reached anybody
        told = self.usage or self.expected
        written = tokens.from_chars(self.text_chars)
        return msgspec.structs.replace(told, output_tokens=max(told.output_tokens, written))

    def cost(self, usage: Usage) -> int | None:
        """In 10⁻¹² USD, with what the losers of a race cost; null where the model has no price."""
        if self.target is None:
            return self.lost_picousd
        cost = cost_picousd(usage, self.target.model.prices, self.exchange.time)
        return cost if cost is None else min(cost, MOST_PICOUSD) + self.lost_picousd

    def saved(self, kept: Kept, usage: Usage) -> int:
        """What the cache's answer would cost now, in 10⁻¹² USD; 0 where nobody knows."""
        alias, _, name = kept.model.partition("/")
        provider = self.snapshot.providers.get(alias)
        model = provider.models.get(name) if provider else None
        if self.cache != "hit" or model is None:
            return 0
        return min(cost_picousd(usage, model.prices, self.exchange.time) or 0, MOST_PICOUSD)

    def begin(self, journal: Journal, target: Target, reserved_picousd: int | None) -> None:
        """Write down that this call is about to be made: what it becomes if we die now.

        Raises:
            StorageUnavailable: It cannot be written, so the call must not be made.
        """
        row = self._record("interrupted", 500, "the gateway stopped during this call")
        self._name(row, target)
        row.input_tokens = self.estimated_input
        row.cost_picousd = reserved_picousd
        kept = BODY_BYTES + HEADERS_BYTES if self.snapshot.log_bodies else 0
        self.entry = journal.begin(records.encode(row), END_BYTES + kept)

    def account(
        self,
        journal: Journal,
        outcome: Outcome,
        status: int,
        error: GatewayError | None = None,
        *,
        sending: int = 0,
    ) -> int | None:
        """Settle the call and write its row, once; later calls change nothing.

        `sending` is how many bytes go out right after: the terminal ones wait for this.

        Returns:
            What it costs, in 10⁻¹² USD; null where that is not known, or was told before.
        """
        if self.accounted:
            return None
        self.accounted = True
        usage = self.final_usage(outcome)
        cost = self.cost(usage)
        row = self._record(outcome, status, str(error) if error else "")
        if self.kept is not None:  # and nothing was spent
            row.provider, row.model = self.kept.provider, self.kept.model
            row.connection = self.kept.connection
            row.saved_picousd = self.saved(self.kept, usage)
        elif self.target is not None:
            self._name(row, self.target)
        row.bytes_out += sending
        if sending and row.first_byte_ms is None:
            row.first_byte_ms = row.duration_ms
        row.input_tokens, row.output_tokens = usage.input_tokens, usage.output_tokens
        row.cache_read_tokens = usage.cache_read_tokens
        row.cache_write_tokens = usage.cache_write_tokens
        row.reasoning_tokens = usage.reasoning_tokens
        if usage.units:
            row.units = records.encode(usage.units).decode()
        row.usage_source = self.usage_source
        row.cost_picousd = cost
        try:
            self._write(journal, row)
        finally:
            # After the line: what is settled before a drain begins, that drain finds written.
            for lease in (self.lease, self.account_lease):
                if lease is not None:
                    lease.settle(usage.input_tokens + usage.output_tokens, cost or 0)
        return cost

    @staticmethod
    def _name(row: Record, target: Target) -> None:
        """Say who answers it."""
        row.provider, row.tier = target.provider.slug, target.provider.tier
        row.model, row.connection = target.model.id, target.connection.name

    def _record(self, outcome: Outcome, status: int, error: str) -> Record:
        # What is said at the begin, of a target that is then not asked, is not true at the end.
        exchange = self.exchange
        row = msgspec.structs.replace(
            self._asked,
            status=status,
            outcome=outcome,
            error=_clean(error, 500) if error else "",
            first_byte_ms=exchange.first_byte_ms,
            duration_ms=exchange.elapsed_ms,
            bytes_in=exchange.bytes_in,
            bytes_out=exchange.bytes_out,
            trace=self.trace,
            cache=self.cache,
        )
        if self.attempts:
            row.attempts = records.encode(self.attempts).decode()
        if self.dropped:
            row.dropped = msgspec.json.encode(self.dropped).decode()
        if self.snapshot.log_bodies:
            row.response_body = self._redacted(bytes(self.kept_answer))
        return row

    @property
    def _asked(self) -> Record:
        """What the request is: most of what is written at its begin is written again at its end."""
        if self._known is None:
            self._known = Record(
                id=self.exchange.id,
                time=records.timestamp(self.exchange.time),
                key=self.principal.name,
                user=self.principal.user,
                client_format=self.format.NAME,
                path=_clean(self.exchange.path, 200),
                stream=self.stream,
                requested_model=_clean(self.model, 250),
                combo=self.combo,
            )
            if self.controls.tags:
                self._known.tags = msgspec.json.encode(self.controls.tags).decode()
            if self.snapshot.log_bodies:
                self._known.request_headers = self._told_headers
                self._known.request_body = self._redacted(self.raw[: 4 * BODY_CHARS])
        return self._known

    def _redacted(self, body: bytes) -> str:
        return _clean(self.snapshot.redaction.apply(body.decode(errors="replace")))

    @property
    def _told_headers(self) -> str:
        headers = self.exchange.headers
        told = {name: headers.get(name.encode(), b"") for name in KEPT_HEADERS}
        return msgspec.json.encode(
            {n: _clean(v.decode("latin-1"), HEADER_CHARS) for n, v in told.items() if v}
        ).decode()

    def _write(self, journal: Journal, row: Record) -> None:
        line = records.encode(row)
        if not self.snapshot.log_bodies and len(line) > END_BYTES - 2:
            for what, nothing in (("trace", "{}"), ("attempts", "[]"), ("dropped", "[]")):
                setattr(row, what, nothing)
                line = records.encode(row)
                if len(line) <= END_BYTES - 2:
                    break
        try:
            journal.end(self.entry, line)
        except StorageUnavailable as error:  # only without a begin: nothing was spent
            log.error("%s is not logged: %s", row.id, error)


def _clean(text: str, length: int = BODY_CHARS) -> str:
    """Cut, and without NUL and lone surrogates, which PostgreSQL and UTF-8 do not know."""
    text = text[:length]
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "").encode(errors="replace").decode()
