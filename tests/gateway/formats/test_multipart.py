"""Forms with files: what is written is read again, and what is no form is refused."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadRequest
from gateway.formats.multipart import (
    MAX_PARTS,
    Form,
    Incoming,
    Upload,
    around,
    is_form,
    parse,
    write,
)

FORM = (
    b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\none\r\n'
    b'--b\r\ncontent-disposition: form-data; filename="x.png"; name="f[]"\r\n'
    b"Content-Type: image/png\r\n\r\n\r\n--x\x00\xff\r\n"
    b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\ntwo\r\n'
    b"--b--\r\n"
)


def test_fields_and_files_are_read() -> None:
    assert parse('multipart/form-data; charset=x; boundary="b"', FORM) == {
        "a": ["one", "two"],
        "f": [Upload("x.png", "image/png", b"\r\n--x\x00\xff")],
    }


TYPE = "multipart/form-data; boundary=b"
NO_FORMS = [
    ("multipart/form-data", FORM),
    (TYPE, b""),
    (TYPE, FORM[:-6]),
    (TYPE, b"--b\r\n\r\nno name\r\n--b--"),
    (TYPE, b'--b\r\nContent-Disposition: form-data; name="a"\r\n--b--'),
    (TYPE, b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n' * (MAX_PARTS + 2) + b"\r\n--b--"),
]  # fmt: skip


@pytest.mark.parametrize(("content_type", "body"), NO_FORMS)
def test_what_is_no_form_is_refused(content_type: str, body: bytes) -> None:
    with pytest.raises(BadRequest):
        parse(content_type, body)


def test_a_form_is_told_by_its_content_type() -> None:
    assert is_form("Multipart/Form-Data; boundary=x")
    assert not is_form("application/json")


texts = st.text(st.characters(exclude_categories=["Cs"]))
uploads = st.builds(
    Upload, st.text("abc.é", min_size=1), st.just("image/png"), st.binary(max_size=200)
)
values = texts | uploads


@given(
    st.dictionaries(
        st.text("abcdefg_", min_size=1),
        values | st.lists(values, min_size=1, max_size=3),
        max_size=5,
    )
)
def test_what_is_written_is_read_again(fields: dict[str, Any]) -> None:
    body, content_type = write(fields)
    assert parse(content_type, body) == fields


def test_a_name_adds_no_line() -> None:
    body, _ = write({"f": Upload('x"\r\nX-Evil: 1', "image/png", b"")})
    assert b"\r\nX-Evil" not in body


@given(st.binary(), st.text())
def test_any_bytes_raise_nothing_else(body: bytes, content_type: str) -> None:
    for kind in (TYPE, content_type):
        with suppress(BadRequest):
            parse(kind, body)
        with suppress(BadRequest):
            parse(kind, b"--b\r\n" + body + b"\r\n--b--")


@given(
    st.dictionaries(st.text("abc", min_size=1), texts, max_size=3),
    st.binary(max_size=200),
    st.integers(1, 40),
)
def test_a_file_is_given_out_however_the_form_is_cut(
    fields: dict[str, str], data: bytes, step: int
) -> None:
    before, after, content_type = around({**fields, "file": Incoming("x.mp3", "audio/mpeg")})
    whole, form = before + data + after, Form(content_type, streamed="file")
    out = b"".join(form.feed(whole[at : at + step]) for at in range(0, len(whole), step))
    form.close()
    assert (form.fields, out) == (fields, data)
    assert form.file == Incoming("x.mp3", "audio/mpeg")


def test_more_than_it_may_keep_is_refused_with_the_fields_name() -> None:
    body, content_type = write({"prompt": "x" * 101})
    with pytest.raises(BadRequest) as refusal:
        Form(content_type, max_bytes=100).feed(body)
    assert refusal.value.param == "prompt"
