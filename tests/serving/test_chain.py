"""The chain: stages run in order, responses pass back through them, and live data comes from the edge."""

from __future__ import annotations

from easel.serving.chain import SERVING, Chain, Decision, Undecided
from easel.serving.models import Answer, File, FixedAnswer, Found, Request, Site
from easel.serving.respond import answer_fixed
from easel.serving.stage import EarlierFile, Need, Stage
from tests.serving.building import Place

SITE = Place({"index.html": b"home", "app.js": b"js"}).site()
GET = Request("GET", "/x")
DONE = FixedAnswer(200, b"done", "text/plain", "no-store")


def marking(name: str) -> Stage:
    """Returns a stage that lets all requests pass, and writes its name into the response."""
    return Stage(name, after=lambda site, request, found, answer: answer.with_headers((b"passed", name.encode())))


def answering(name: str, found: Found | Need | None) -> Stage:
    def before(site: Site, request: Request) -> Found | Need | None:
        return found

    return Stage(name, before=before)


def passed(decision: Decision) -> list[bytes]:
    answer = decision.finish(SITE, GET, answer_fixed(DONE))
    return [value for name, value in answer.headers if name == b"passed"]


def test_an_answer_passes_back_through_the_stages_that_let_its_request_through() -> None:
    chain = Chain(marking("outer"), answering("none", None), marking("inner"), answering("all", DONE), marking("below"))
    decision = chain.decide_alone(SITE, GET)
    assert decision.found == DONE
    assert passed(decision) == [b"inner", b"outer"]


def test_a_stage_that_responds_may_also_change_its_response() -> None:
    def before(site: Site, request: Request) -> FixedAnswer:
        return DONE

    def after(site: Site, request: Request, found: Found, answer: Answer) -> Answer:
        return answer.with_headers((b"passed", b"both"))

    assert passed(Chain(Stage("both", before, after)).decide_alone(SITE, GET)) == [b"both"]


def test_a_stage_gets_its_data_and_may_request_more_or_pass_the_request_on() -> None:
    file = File("app.js", SITE.manifest.files["app.js"], 200, "no-cache", SITE)
    second = Need(EarlierFile("second"), lambda given: given)
    first = Need(EarlierFile("first"), lambda given: second if given is None else given)
    chain = Chain(answering("live", first), answering("last", DONE))
    for given, found in (([file], file), ([None, file], file), ([None, None], DONE)):
        decided = chain.decide(SITE, GET)
        for name, one in zip(("first", "second"), given, strict=False):
            assert isinstance(decided, Undecided)
            assert decided.need.what == EarlierFile(name)
            decided = chain.resume(decided, SITE, GET, one)
        assert isinstance(decided, Decision)
        assert decided.found == found


def test_an_address_whose_answer_depends_on_the_visitor_is_never_prepared() -> None:
    served = SERVING.decide_alone(SITE, Request("GET", "/app.js"))
    assert served.is_lasting(SITE, Request("GET", "/app.js"))
    for varies in (True, False):
        gate = Stage("gate", varies=lambda site, request, varies=varies: varies)  # type: ignore[misc]
        asked = Request("GET", "/app.js")
        gated = Chain(gate, *SERVING.stages).decide_alone(SITE, asked)
        assert gated.found == served.found
        assert gated.is_lasting(SITE, asked) is not varies


def test_only_the_one_spelling_of_an_address_is_prepared() -> None:
    for target, lasting in (("/app.js?a=1", True), ("/app%2ejs", False), ("//app.js", False), ("/nothing", False)):
        request = Request("GET", target)
        assert SERVING.decide_alone(SITE, request).is_lasting(SITE, request) is lasting
