"""The offset at which a page takes a script."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from easel.bundles.models import NO_PLACE
from easel.bundles.pages import script_place
from tests.bundles.crafted import File, craft
from tests.bundles.looking import look

PAGES = [
    "<!doctype html><html><head>@<title>x",
    '<HEAD lang="de">@<script src=a>',
    "<!doctype html>@<p>hi",
    "<!doctype html><html lang=en>@<p>hi",
    "\ufeff<!doctype html>@<p>hi",
    # The place is before every other script, and before a policy that would forbid the script.
    "@<script>1</script><head>",
    """<!doctype html>@<meta http-equiv=Content-Security-Policy content="script-src 'self'"><title>c</title>""",
    "<!doctype html><html>@<svg><script>1</script></svg>",
    "<!doctype html>@<svg><script>1</script></svg>",
    # The place is never outside the head, in a comment, in a value or in a text.
    "<!-- saved -->\n<!doctype html>\n@<p>plain",
    "<!-- <head> <script> --><head>@",
    "<html><!-- <head> --><head>@<title>",
    "<!---><!-- a --!><!--> <html><head>@",
    "<!doctype html>@<!-- never closed <head>",
    '<head data-x="a>b">@<title>',
    '<html a=\'>\' b="\'>" c=d/e ><head / x=">">@y',
    "<html a=b/><head>@",
    "<!doctype html><html lang=en>@<title>x</title><textarea><script></textarea>",
    "<!doctype html>@<style><head></style>",
    "<!doctype html><html>@<header>x</header><body>y",
    # Other tools write such content before the head.
    "<!--[if lt IE 9]> <html class=ie> <![endif]-->\n<!--[if gt IE 8]><!--> <html> <!--<![endif]-->\n<head>@",
    "<![if !IE]><!doctype html><html><head>@<![endif]>",
    '<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0//EN" "x.dtd">\n<html xmlns="x">\n<head>@',
    '<!DOCTYPE html SYSTEM "about:legacy-compat"><html><head>@',
    "<!doctypehtml>@<title>x",
    "<!DOCTYPE html [ <!ENTITY a 'b'> @]><html>",
    "<?php echo 1 ?><html><head>@",
    "<!DOCTYPE HTML PUBLIC '-//W3C//DTD HTML 4.01 Frameset//EN'><html><head>@<title>f</title></head><frameset cols=*>",
    "<html>@<frameset cols=*><frame src=a></frameset></html>",
    "@<body bgcolor=red>old",
    "@<title>x</title>\n<link rel=icon href=a>\n<body>y",
    "@<meta charset=utf-8><style>a{}</style><html lang=en>",
    "@<header>x</header><body>y",
    "@<br />\n<b>Warning</b>: x\n<!doctype html><html>",
]
NO_PAGES = [
    "",
    "  \n",
    "just text",
    "\ufeff<p>hi",
    "<section>four</section>",
    "<tr><td>1</td></tr>",
    "<option value=1>one",
    "<header>x</header>",
    "<headless><bodywork><html-viewer>",
    "<template><body></template>",
    "<title>a <body> in a title</title><p>x",
    "<script>const page = '<body>'</script><p>x",
    "<textarea><!doctype html><html></textarea>",
    "<p title='<body>'>x",
    "<!-- <html> --><li>x",
    "<!-- never closed <html>",
    "<svg xmlns='http://www.w3.org/2000/svg'><foreignObject><body/></foreignObject></svg>",
    "<?xml version='1.0'?><!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' 'x'><svg/>",
    '{"page": "<html><head></head></html>"}',
    '["<body>"]',
    "# Heading\n\n<html>",
    "<turbo-frame id=a>x</turbo-frame>",
    '<html amp lang="en"><head>',
    "<!doctype html><html ⚡><head>",
    "<!doctype html><html lang=en ⚡4email data-css-strict><head>",
    "\0",
]


@pytest.mark.parametrize("page", PAGES)
def test_the_script_is_inserted_at_the_start_of_the_head(page: str) -> None:
    before, _, after = page.partition("@")
    assert script_place(f"{before}{after}".encode()) == len(before.encode())


@pytest.mark.parametrize("page", NO_PAGES)
def test_a_file_that_is_no_page_takes_no_script(page: str) -> None:
    assert script_place(page.encode()) is None


@pytest.mark.parametrize("charset", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_page_in_utf_16_takes_no_script(charset: str) -> None:
    assert script_place("<!doctype html><html><head><title>ü".encode(charset)) is None


def test_the_manifest_also_has_the_insertion_point_of_a_page_with_many_pieces() -> None:
    page = b"<!doctype html><html><head><title>x</title>"
    files = look(
        craft(
            File(b"index.html", page),
            File(b"large.html", page + b"a" * 2_000_000),
            File(b"part.html", b"<p>x"),
            File(b"a.xhtml", page),
            File(b"a.js", page),
        )
    ).files
    places = {path: member.place for path, member in files.items()}
    assert places == {"index.html": 27, "large.html": 27, "part.html": NO_PLACE, "a.xhtml": None, "a.js": None}


@given(
    st.lists(st.sampled_from(["<html", "<head>", "<body", ">", "<!--", "-->", "<!", '"', "=", " a", "</", "<?", "x"]))
)
def test_the_insertion_point_is_within_the_page_and_never_within_a_tag_or_comment(parts: list[str]) -> None:
    page = "".join(parts).encode()
    place = script_place(page)
    assert place is None or place == 0 or page[place - 1 : place] in (b">", b" ")
