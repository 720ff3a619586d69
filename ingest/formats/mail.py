"""Mail (.eml): a newsletter or an agency's message, of which the newest text is the article.

What a reply quotes and what follows a signature mark is left out. A message that is passed on is read for
what it passes on: then neither its sender nor its day is the article's. Attachments are named in a warning,
not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import parseaddr
from typing import Any, cast

from ingest.formats import markup
from ingest.formats.clean import decode, tidy
from ingest.formats.extracted import Extracted, Fact
from rag.errors import SourceError

__all__ = ["extract"]

_LONGEST_HEADER = 10_000  # characters; of those read here none has a tenth
_DEEPEST = 20  # parts within parts; a forwarded reply with pictures has four
# What the parser of headers and bodies raises on damaged mail.
_DAMAGE = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


class _Policy(EmailPolicy):
    """The default one for headers of a bounded length: the time their parser takes grows with the square of
    it, and is half a minute for 100,000 quotation marks."""

    def header_fetch_parse(self, name: str, value: str) -> Any:
        return super().header_fetch_parse(name, value[:_LONGEST_HEADER])


def extract(data: bytes) -> Extracted:
    """The newest text of a message, and what its headers say of it."""
    try:
        message = cast(EmailMessage, message_from_bytes(data, policy=_Policy()))
    except (*_DAMAGE, OSError) as exc:
        raise SourceError(
            "it is not a message, or a damaged one. Save it again from the mail program (.eml)"
        ) from exc
    if not any(_header(message, name) for name in ("From", "Subject", "Date", "Message-ID")):
        raise SourceError("it has no mail headers. Save the message as .eml, with its headers")
    body = _Body()
    body.read(message)
    reply = _is_reply(message)
    text, passed_on = _newest(body.plain() or body.html(reply), reply)
    if not markup.has_words(text):
        raise SourceError(_nothing(body))
    warnings = list(body.warnings)
    if body.attached:
        warnings.append(f"attachments were left out: {_listed(body.attached)}")
    if passed_on:
        warnings.append("it was forwarded: its author and its date are not taken from the headers")
    return Extracted(text, _facts(message, passed_on), warnings=tuple(warnings))


def _nothing(body: _Body) -> str:
    if body.encrypted:
        return "it is encrypted. Open it in the mail program, and save its text"
    if body.attached:
        attached = _listed(body.attached)
        return f"it contains no words, only attachments ({attached}). Save these, and name them instead"
    return "it contains no words of its own, only what it quotes or shows as pictures. Save its text as .txt"


def _listed(names: list[str]) -> str:
    """
    >>> _listed(["a.pdf", "b.pdf"]), _listed(["a"] * 7)
    ('a.pdf, b.pdf', 'a, a, a, a, a and 2 more')
    """
    shown = ", ".join(name if len(name) <= 60 else f"{name[:50]}…{name[-9:]}" for name in names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"


# --- the body ---


class _Body:
    """The parts of a message that are to be read, in their order."""

    def __init__(self) -> None:
        self.attached: list[str] = []
        self.warnings: list[str] = []
        self.encrypted = False
        self._plain: list[str] = []
        self._html: list[str] = []

    def read(self, part: EmailMessage, depth: int = 0, related: bool = False) -> None:
        if depth > _DEEPEST:
            raise SourceError(
                "its messages are nested too deeply to be read. Save the innermost one by itself"
            )
        kind = part.get_content_type()
        if kind == "multipart/encrypted" or kind in ("application/pkcs7-mime", "application/x-pkcs7-mime"):
            self.encrypted = True
        elif kind.startswith("multipart/") and isinstance(inside := part.get_payload(), list):
            for inner in inside:
                if isinstance(inner, EmailMessage):
                    self.read(inner, depth + 1, related or kind == "multipart/related")
        elif kind in ("text/plain", "text/html") and not _is_attachment(part):
            text = _decoded(part, self.warnings)
            if kind == "text/plain":
                self._plain.append(_unflowed(text, part))
            else:
                self._html.append(text)
        elif not (related or kind in ("application/pgp-signature", "application/pkcs7-signature")):
            # Related to a page are its pictures; a signature is nothing to read.
            self.attached.append(_filename(part) or markup.one_line(kind))

    def plain(self) -> str:
        """The plain text, unless there is none or it only says that the mail is written in HTML."""
        text = tidy("\n\n".join(self._plain))
        if len(text) < 500 and len(self.html(reply=False)) > 3 * len(text):
            return ""
        return text

    def html(self, reply: bool) -> str:
        return "\n\n".join(text for page in self._html if (text := _page(page, reply)))


def _page(page: str, reply: bool) -> str:
    try:
        root = markup.parse_html(page)
    except SourceError:  # an empty page; the other parts may say something
        return ""
    if reply:
        _drop_quotes(root)
    return markup.text_of(root)


def _is_attachment(part: EmailMessage) -> bool:
    try:
        return part.get_content_disposition() == "attachment"
    except _DAMAGE:
        return False


def _filename(part: EmailMessage) -> str:
    try:
        return markup.one_line(part.get_filename() or "")
    except _DAMAGE:
        return ""


# What senders call an encoding, and which one they mean: the larger set that Windows has under that name
# (WHATWG).
_MEANT = {
    **dict.fromkeys(("us-ascii", "ascii", "iso-8859-1", "latin-1", "latin1", "iso8859-1"), "cp1252"),
    **dict.fromkeys(("gb2312", "gbk", "x-gbk"), "gb18030"),
    **dict.fromkeys(("ks_c_5601-1987", "euc-kr", "ks_c_5601"), "cp949"),
    **dict.fromkeys(("shift_jis", "shift-jis", "sjis", "x-sjis"), "cp932"),
    **dict.fromkeys(("iso-2022-jp", "csiso2022jp"), "iso2022_jp_ext"),
    "iso-8859-9": "cp1254",
    "windows-31j": "cp932",
}


def _decoded(part: EmailMessage, warnings: list[str]) -> str:
    """A part's text. If the encoding that it states does not fit, the one that does."""
    try:
        data = part.get_payload(decode=True)
        charset = (part.get_content_charset() or "").lower()
    except _DAMAGE as exc:
        raise SourceError("its text is encoded in a way that cannot be read. Save it as .txt") from exc
    if not isinstance(data, bytes):
        return ""
    if not charset and b"\x1b$" in data:
        charset = "iso-2022-jp"  # it is made of ASCII letters, and would be taken for them
    meant = _MEANT.get(charset, charset)
    if meant != "cp1252":
        try:
            return data.decode(meant or "utf-8")
        except LookupError:  # there is no such encoding
            pass
        except ValueError:
            if meant.startswith(("iso2022", "iso-2022", "hz", "utf-7")):
                warnings.append(f"some letters could not be read: its encoding ({charset}) is damaged")
                return data.decode(meant, "replace")
    else:
        # Any bytes can be read as Latin-1; that they are UTF-8 by chance does not happen.
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            try:
                return data.decode("cp1252")
            except UnicodeDecodeError:
                pass
    return decode(data)[0]


def _unflowed(text: str, part: EmailMessage) -> str:
    """RFC 3676: in format=flowed a line that ends in a space goes on in the next one, and a leading space
    protects.
    """
    try:
        parameters = {name.lower(): value.lower() for name, value in part["Content-Type"].params.items()}
    except _DAMAGE:
        return text
    if parameters.get("format") != "flowed":
        return text
    lines: list[str] = []
    goes_on: int | None = None  # the depth of quotation of a line that is not at its end
    for line in re.split(r"\r\n?|\n", text):
        quoted = re.match(r">*", line)
        depth = quoted.end() if quoted else 0
        content = line[depth:].removeprefix(" ")
        if goes_on == depth and content and content != "-- ":
            lines[-1] += content
        else:
            lines.append(("> " if depth else "") + content)
        flows = content.endswith(" ") and content != "-- "
        if flows and parameters.get("delsp") == "yes":
            lines[-1] = lines[-1][:-1]
        goes_on = depth if flows else None
    return "\n".join(lines)


# --- the newest text ---

_ATTRIBUTION = re.compile(
    r"^(?:On|Am|Le|El|Il|Op|Em|Den|Dnia|W dniu)\b[^\n]{0,300}(?:\n(?!>)[^\n]{1,300}){0,2}?"
    r"\b(?:wrote|schrieb|a écrit|escribió|ha scritto|schreef|escreveu|skrev|napisał|pisze)\b[^\n]{0,80}:[ "
    r"\t]*$",
    re.MULTILINE,
)
_PASSED_ON = re.compile(
    r"^[ \t]*(?:-{3,}[ \t]*(?:Forwarded message|Weitergeleitete Nachricht|Message transféré|Mensaje "
    r"reenviado)[ \t]*-{3,}|"
    r"Begin forwarded message:|Anfang der weitergeleiteten Nachricht:)[ \t]*$",
    re.MULTILINE | re.IGNORECASE,
)
_ORIGINAL = re.compile(
    r"^[ \t]*(?:-{3,}[ \t]*(?:Original Message|Ursprüngliche Nachricht|Message d'origine|Mensaje original)[ "
    r"\t]*-{3,}|_{20,})"
    r"[ \t]*$|^(?=\*?(?:From|Von|De):\*?[ \t].*\n+\*?(?:Sent|Date|Gesendet|Datum|Envoyé|Enviado)(?: ?le)?[ "
    r"\t]?:)",
    re.MULTILINE | re.IGNORECASE,
)
_HEADER_LINES = re.compile(
    r"\s*(?:\*?(?:From|Sent|Date|To|Cc|Subject|Reply-To|Von|Gesendet|Datum|An|Betreff|De|Envoyé|À|Objet|Enviado|Para|Asunto)"
    r"(?: ?le)?\*?[ \t]?:[^\n]*\n(?:[ \t]+[^\n]+\n)*\n?)+",
    re.IGNORECASE,
)
_REPLY = re.compile(r"(?:re|aw|sv|antw|rép)(?:\[\d+\])?[ \t]?:", re.IGNORECASE)
_FORWARD = re.compile(r"(?:fwd?|wg|tr|rv|i)(?:\[\d+\])?[ \t]?:\s*", re.IGNORECASE)
_SIGNATURE = re.compile(r"^-- ?$", re.MULTILINE)
_LATE = 12  # lines: "--" without its space is a signature's only near the end; elsewhere it is a line


def _is_reply(message: EmailMessage) -> bool:
    subject = _header(message, "Subject")
    if _FORWARD.match(subject):
        return False
    return bool(_REPLY.match(subject) or _header(message, "In-Reply-To"))


def _newest(text: str, reply: bool) -> tuple[str, bool]:
    """The text without what it quotes and what a newsletter says of itself; and whether it was passed on.

    A line with ">" is a quotation in a reply, or after the line that says whose it is; a newsletter may use
    it as an arrow.
    """
    passed_on = False
    if not reply and (found := _PASSED_ON.search(text) or _ORIGINAL.search(text)):
        after = text[found.end() :]
        headers = _HEADER_LINES.match(after + "\n")
        if headers:  # what was written above it belongs to whoever passed it on, but is worth keeping
            text, passed_on = f"{text[: found.start()]}\n\n{after[headers.end() :]}", True
    elif reply and (found := _ORIGINAL.search(text)) and markup.has_words(text[: found.start()]):
        text = text[: found.start()]
    text = _without_quotes(text, reply)
    text = _without_signature(text)
    return tidy(_without_notices(text)), passed_on


def _without_quotes(text: str, reply: bool) -> str:
    found = _ATTRIBUTION.search(text)
    if not (reply or (found and re.match(r"\s*>", text[found.end() :]))):
        return text
    while found:
        after = text[found.end() :]
        if not re.match(r"\s*>", after) and markup.has_words(text[: found.start()]):
            return text[: found.start()]  # the mail program does not mark what it quotes: all of it follows
        text = text[: found.start()] + "\n" + after
        found = _ATTRIBUTION.search(text, found.start())
    return "\n".join(line for line in text.split("\n") if not line.startswith(">"))


def _without_signature(text: str) -> str:
    for found in _SIGNATURE.finditer(text):
        late = text.count("\n", found.end()) <= _LATE
        if late and markup.has_words(text[: found.start()]):
            return text[: found.start()]
    return text


# What a newsletter says of itself, above and below its text.
_NOTICE = re.compile(
    r"""(?:view|read|open|see)\b .{0,40} \b(?:browser|online|web\ ?page)\b .{0,20}
    | .{0,60} \bview\ (?:it|this\ .{0,20})\ in\ your\ browser\b .?
    | (?:to\ )?unsubscribe\b .{0,120} | .{0,80} \bunsubscribe(?:\ here)? \.?
    | (?:manage|update)\ (?:your\ )?(?:e-?mail\ )?preferences\b .{0,80}
    | you(?:['’]re|\ are)?\ (?:receiv\w+|got|getting)\ this\ (?:e-?mail|message|newsletter)\b .{0,300}
    | (?:im\ browser|online)\ (?:ansehen|lesen|anzeigen) .{0,20}
    | .{0,60} \bim\ browser\ (?:ansehen|öffnen|anzeigen)\b .? | .{0,80} \babbestellen \.?
    | (?:voir|lire|afficher)\b .{0,40} \bnavigateur\b .{0,20} | .{0,60} \bse\ désabonner \.?""",
    re.IGNORECASE | re.VERBOSE,
)


def _without_notices(text: str) -> str:
    """Without the notices among the first three paragraphs and after the last one that is none."""
    paragraphs = re.split(r"\n{2,}", text.strip())
    for at in range(min(3, len(paragraphs))):
        if _is_notice(paragraphs[at]):
            paragraphs[at] = ""
    while paragraphs and not paragraphs[-1]:
        paragraphs.pop()
    last = len(paragraphs)
    while last and _is_notice(paragraphs[last - 1]):
        last -= 1
    kept = [paragraph for paragraph in paragraphs[:last] if paragraph]
    return "\n\n".join(kept) if kept else text


def _is_notice(paragraph: str) -> bool:
    return all(_NOTICE.fullmatch(part.strip()) for part in re.split(r"\n| \| ", paragraph))


def _drop_quotes(root: markup.Element) -> None:
    """Takes out of a page what mail programs mark as the message that is answered."""
    doomed = [element for element in root.iter() if isinstance(element.tag, str) and _is_quote(element)]
    for element in doomed:
        if (parent := element.getparent()) is not None:
            if element.tail:  # what follows it is the reply's
                tail, before = element.tail, element.getprevious()
                if before is None:
                    parent.text = (parent.text or "") + tail
                else:
                    before.tail = (before.tail or "") + tail
            parent.remove(element)


def _is_quote(element: markup.Element) -> bool:
    marked = f"{element.get('class') or ''} {element.get('id') or ''}".split()
    if {"gmail_quote", "gmail_attr", "moz-cite-prefix", "yahoo_quoted", "divRplyFwdMsg"}.intersection(marked):
        return True
    return bool(element.tag == "blockquote" and element.get("type") == "cite")


# --- facts ---


def _header(message: EmailMessage, name: str) -> str:
    """A header's text; its encoded words decoded. The parser stumbles over some that are damaged."""
    try:
        return markup.one_line(str(message[name] or ""))
    except _DAMAGE:
        raw = next((str(value) for key, value in message.raw_items() if key.lower() == name.lower()), "")
    try:
        return markup.one_line(str(make_header(decode_header(raw))))
    except _DAMAGE:
        return markup.one_line(raw)


def _facts(message: EmailMessage, passed_on: bool) -> dict[str, Fact]:
    facts: dict[str, Fact] = {}
    subject = _header(message, "Subject")
    if title := _FORWARD.sub("", subject, count=1) if passed_on and _FORWARD.match(subject) else subject:
        facts["title"] = Fact(title, "mail Subject")
    if not passed_on:
        if author := "; ".join(_senders(message)):
            facts["author"] = Fact(author, "mail From")
        if published := _day(message):
            facts["published"] = Fact(published, "mail Date")
    # Only a list has a name that is a publication's; a domain is no name.
    if source := _name(_header(message, "List-Id")):
        facts["source"] = Fact(source, "mail List-Id")
    if language := re.fullmatch(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*", _header(message, "Content-Language")):
        facts["language"] = Fact(language.group(), "mail Content-Language")
    # Not List-Archive: that is one address for all messages of a list, and addresses tell articles apart.
    if address := re.search(r"https?://[^\s<>\"]+", _header(message, "Archived-At")):
        facts["url"] = Fact(address.group(), "mail Archived-At")
    return facts


def _senders(message: EmailMessage) -> Iterator[str]:
    try:
        names = [str(address.display_name) for address in message["From"].addresses]
    except _DAMAGE:
        names = [parseaddr(_header(message, "From"))[0]]
    for name in names:
        name = markup.one_line(name)
        if markup.has_words(name) and "@" not in name:
            yield name


def _name(list_id: str) -> str:
    """The phrase before the identifier.

    >>> _name('"The Morning Tide" <tide.courier.example>')
    'The Morning Tide'
    >>> _name("<tide.courier.example>"), _name("tide.courier.example")
    ('', '')
    """
    phrase = list_id.partition("<")[0] if "<" in list_id else ""
    return phrase.strip().strip('"').strip()


def _day(message: EmailMessage) -> date | None:
    """The day as it was at the sender's."""
    try:
        sent = message["Date"].datetime
    except _DAMAGE:
        return None
    # Mail began in 1971; a clock that was never set says 1970.
    return sent.date() if isinstance(sent, datetime) and sent.year > 1970 else None
