"""Searching on the page: search field, history, chips (query terms), filters, modes, suggestions, query by image."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e.conftest import dialog, field, names, plain, tiles, wait_until_judged


def test_typing_a_sentence_shows_the_right_picture_and_the_url_says_it(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_text("Type a sentence, find the picture.")).to_be_visible()
    expect(page.get_by_text("377 pictures. Try")).to_be_visible()
    field(page).press_sequentially("a vehicle for emergencies", delay=20)
    expect(page).to_have_url(re.compile(r"\?q=a\+vehicle\+for\+emergencies$"))
    expect(page).to_have_title("a vehicle for emergencies · Sightline")
    picture = tiles(page).get_by_alt_text("A fire truck.")
    expect(picture).to_be_visible()
    assert "A fire truck." in names(page, 5)
    page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=picture.element_handle())
    # One history entry per search, not one per letter.
    page.go_back()
    expect(page).to_have_url(re.compile(r"/$"))
    expect(field(page)).to_have_value("")


def test_a_sentence_that_nothing_fits_is_told(page: Page) -> None:
    page.goto("/")
    # Wait for the calibration, which starts in the background at the first search.
    wait_until_judged(page)
    verdict = page.get_by_text("No clear match. These are the closest.")
    page.goto("/?q=irregular+past+participles")
    expect(verdict).to_be_visible()
    expect(tiles(page).first).to_be_visible()
    page.goto("/?q=a+fire+truck")
    expect(tiles(page).get_by_alt_text("A fire truck.")).to_be_visible()
    expect(verdict).to_have_count(0)
    # A separator marks where the confidence drops.
    expect(page.get_by_text("Less certain from here")).to_be_visible()


def test_an_older_answer_stays_until_the_new_one_is_there_and_is_not_waited_for(page: Page) -> None:
    page.goto("/?q=a+dog")
    expect(tiles(page).first).to_be_visible()
    held: list[Any] = []
    page.route("**/api/v1/search?q=a+cello*", lambda route: held.append(route))
    field(page).fill("a cello")
    expect(page.locator("main ul[aria-busy=true]")).to_be_visible()
    expect(tiles(page).first).to_be_visible()
    expect(page.get_by_text("Still searching")).to_be_visible()
    # A new search aborts the pending one.
    with page.expect_event("requestfailed", lambda request: "cello" in request.url):
        field(page).fill("a flower")
    expect(page.locator("main ul[aria-busy=false]")).to_be_visible()
    expect(page).to_have_url(re.compile(r"q=a\+flower"))


def test_each_search_is_one_step_back(page: Page) -> None:
    page.goto("/?q=a+dog")
    expect(tiles(page).first).to_be_visible()
    field(page).press("Enter")  # the same query again: no history entry
    field(page).fill("")
    expect(page).to_have_url(re.compile(r"/$"))
    field(page).press_sequentially("a cello", delay=20)
    expect(page).to_have_url(re.compile(r"\?q=a\+cello$"))
    page.go_back()
    expect(page).to_have_url(re.compile(r"/$"))
    page.go_back()
    expect(page).to_have_url(re.compile(r"\?q=a\+dog$"))
    expect(field(page)).to_have_value("a dog")


def test_an_example_is_a_link_that_searches(page: Page) -> None:
    page.goto("/")
    example = page.get_by_role("banner").get_by_role("listitem").first.get_by_role("link")
    words = example.inner_text()
    example.click()
    expect(field(page)).to_have_value(words)
    expect(tiles(page).first).to_be_visible()


def test_terms_are_chips_whose_weight_changes_by_keys_and_menu(page: Page) -> None:
    page.goto("/?q=a+red+flower")
    expect(tiles(page).first).to_be_visible()
    # "Add another term" turns the text into a chip and empties the field.
    page.get_by_role("button", name="Add another term").click()
    expect(page).to_have_url(re.compile(r"\?term=text%3Aa\+red\+flower$"))
    expect(field(page)).to_be_focused()
    field(page).fill("-green")
    field(page).press("Enter")
    expect(page).to_have_url(re.compile(r"&term=-0.5\*text%3Agreen$"))
    chip = page.get_by_role("button", name="not green: change or remove this term")
    chip.press("ArrowDown")
    expect(page).to_have_url(re.compile(r"&term=-1\*text%3Agreen$"))
    page.get_by_role("button", name="not at all green").press("ArrowUp")
    chip.click()
    menu = page.get_by_role("menu", name="Weight of green")
    expect(menu.get_by_role("menuitemradio", name="Not", exact=True)).to_be_focused()
    menu.press("Escape")
    expect(menu).to_have_count(0)
    expect(chip).to_be_focused()
    chip.click()
    menu.get_by_role("menuitemradio", name="Less").click()
    expect(page).to_have_url(re.compile(r"&term=0.5\*text%3Agreen$"))
    page.get_by_role("button", name="less green").press("Delete")
    expect(page).to_have_url(re.compile(r"\?term=text%3Aa\+red\+flower$"))
    # Backspace in the empty field moves the last term back into it.
    expect(field(page)).to_be_focused()
    field(page).press("Backspace")
    expect(field(page)).to_have_value("a red flower")
    expect(page).to_have_url(re.compile(r"\?q=a\+red\+flower$"))


def test_a_term_goes_back_into_the_field_with_its_minus_and_without_loss(page: Page) -> None:
    page.goto("/?q=a+dog&term=-0.5*text:people")
    expect(tiles(page).first).to_be_visible()
    page.get_by_role("button", name="not people").click()
    page.get_by_role("menuitem", name="Edit").click()
    # The text that was in the field has become a term, and the edited term keeps its minus.
    expect(field(page)).to_have_value("-people")
    expect(page).to_have_url(re.compile(r"\?term=text%3Aa\+dog$"))
    field(page).press("Enter")
    expect(page).to_have_url(re.compile(r"\?term=text%3Aa\+dog&term=-0.5\*text%3Apeople$"))


def test_a_result_is_added_to_the_search_or_leads_away_from_it(page: Page) -> None:
    page.goto("/?q=a+vehicle")
    first = page.locator("main [data-index='0']")
    first.hover()
    first.get_by_role("link", name=re.compile("^Not like this: ")).click()
    expect(page).to_have_url(re.compile(r"\?q=a\+vehicle&term=-0.5\*like%3A[0-9a-f]{32}$"))
    expect(page.get_by_role("button", name=re.compile("^not this picture, "))).to_be_visible()
    first.hover()
    first.get_by_role("link", name=re.compile("^Add to the search: ")).click()
    expect(page.get_by_role("list", name="Terms").get_by_role("listitem")).to_have_count(2)


def test_more_like_this_searches_by_the_picture(page: Page) -> None:
    page.goto("/?q=a+fire+truck")
    tiles(page).first.click()
    dialog(page).get_by_role("link", name="More like this").click()
    expect(page).to_have_url(re.compile(r"\?term=like%3A[0-9a-f]{32}$"))
    expect(page.get_by_role("button", name="this picture, A fire truck.")).to_be_visible()
    expect(page).to_have_title("A fire truck. · Sightline")
    expect(tiles(page).first).to_be_visible()
    page.go_back()
    expect(dialog(page)).to_be_visible()


def test_a_picture_of_ones_own_is_searched_by_and_the_url_keeps_it(page: Page, tmp_path: Path) -> None:
    mine = tmp_path / "mine.png"
    mine.write_bytes(plain("red"))
    page.goto("/")
    with page.expect_file_chooser() as chosen:
        page.get_by_role("button", name="Search by a picture of yours").click()
    chosen.value.set_files(mine)
    chip = page.get_by_role("button", name="your picture: change")
    expect(chip.locator("img")).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?term=vector%3A"))
    first = names(page, 3)
    # The URL contains the vector, so it works after a reload and in another window.
    page.reload()
    expect(chip.locator("img")).to_be_visible()
    assert names(page, 3) == first


DROP = """([name, bytes, where]) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], name, {type: 'image/png'}));
  const target = document.querySelector(where);
  for (const type of ['dragover', 'drop'])
    target.dispatchEvent(new DragEvent(type, {bubbles: true, cancelable: true, dataTransfer: data}));
}"""


def test_a_picture_is_dropped_or_pasted_into_the_search(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_text("pictures. Try")).to_be_visible()
    page.evaluate(DROP, ["x.png", list(plain("blue")), "search input"])
    expect(page.get_by_role("button", name="your picture: change")).to_be_visible()
    page.goto("/")
    expect(page.get_by_text("pictures. Try")).to_be_visible()
    page.evaluate(
        """bytes => {
          const data = new DataTransfer();
          data.items.add(new File([new Uint8Array(bytes)], 'x.png', {type: 'image/png'}));
          document.dispatchEvent(new ClipboardEvent('paste', {bubbles: true, cancelable: true, clipboardData: data}));
        }""",
        list(plain("green")),
    )
    expect(page.get_by_role("button", name="your picture: change")).to_be_visible()


def test_what_is_typed_while_a_picture_is_read_stays(page: Page) -> None:
    held: list[Any] = []
    page.route("**/api/v1/search", lambda route: held.append(route))
    page.goto("/?q=a+dog")
    expect(tiles(page).first).to_be_visible()
    page.evaluate(DROP, ["x.png", list(plain("blue")), "search input"])
    expect(page.get_by_text("Looking at your picture")).to_be_visible()
    field(page).fill("a green apple")
    expect(page).to_have_url(re.compile(r"\?q=a\+green\+apple$"))
    held[0].continue_()
    expect(page).to_have_url(re.compile(r"\?q=a\+green\+apple&term=vector"))


def test_suggestions_come_from_captions_and_from_what_was_searched_before(page: Page) -> None:
    page.goto("/")
    field(page).press_sequentially("a red appl", delay=20)
    option = page.get_by_role("option", name="a red apple")
    expect(option).to_be_visible()
    field(page).press("ArrowDown")
    expect(option).to_have_attribute("aria-selected", "true")
    expect(field(page)).to_have_value("a red apple")
    field(page).press("Enter")
    expect(page).to_have_url(re.compile(r"\?q=a\+red\+apple$"))
    expect(page.get_by_role("listbox")).to_be_hidden()
    # The search is in the history of suggestions, which is stored in this browser only.
    page.goto("/")
    field(page).focus()
    page.get_by_role("option", name="a red apple").click()
    expect(page).to_have_url(re.compile(r"\?q=a\+red\+apple$"))
    # The history can be cleared.
    page.goto("/")
    field(page).focus()
    field(page).press("ArrowDown")
    field(page).press("Shift+Delete")
    expect(page.get_by_role("option", name="a red apple")).to_have_count(0)


def test_filters_are_those_that_the_collection_has(open_window: Callable[..., Page], shelf: str) -> None:
    page = open_window(shelf)
    page.goto("/?q=a+square")
    expect(tiles(page)).to_have_count(8)
    page.get_by_role("button", name="Filters").click()
    page.get_by_role("group", name="Tags").get_by_role("button", name="warm").click()
    expect(tiles(page)).to_have_count(2)
    # Debounced: while typing, the year is 2, then 20; only the final date is applied, as one history entry.
    page.get_by_label("Taken from").press_sequentially("01012018")
    expect(page).to_have_url(re.compile(r"tags=warm&taken_from=2018-01-01$"))
    expect(tiles(page)).to_have_count(1)
    expect(page.get_by_alt_text("A purple square.")).to_be_visible()
    page.get_by_label("Orientation").select_option("Portrait")
    expect(page.get_by_text("No picture matches the filters.")).to_be_visible()
    page.get_by_role("button", name="Remove the filter warm").click()
    expect(tiles(page)).to_have_count(3)
    page.get_by_role("button", name="Clear filters").click()
    expect(tiles(page)).to_have_count(8)
    expect(page).to_have_url(re.compile(r"\?q=a\+square$"))
    # No filter is offered that cannot select: no picture is wide enough, and all were added on the same day.
    expect(page.get_by_label("Width")).to_have_count(0)
    expect(page.get_by_label("Added from")).to_have_count(0)


def test_a_filter_that_only_the_url_knows_is_shown_and_can_be_removed(
    open_window: Callable[..., Page], shelf: str
) -> None:
    page = open_window(shelf, expected=("400",))
    page.goto("/?q=a+square&no_tags=warm")
    expect(tiles(page)).to_have_count(6)
    page.get_by_role("button", name="Remove the filter no_tags: warm").click()
    expect(tiles(page)).to_have_count(8)
    # An invalid date is shown as it is in the URL, without an error.
    page.goto("/?q=a+square&taken_from=2024-13-45")
    expect(page.get_by_role("button", name="Remove the filter Taken from 2024-13-45")).to_be_visible()
    page.goto("/?q=a+square&speed=9")
    expect(page.get_by_role("alert")).to_contain_text("Its address has something that does not fit: speed.")


def test_words_and_looks_are_looked_for_by_choice(open_window: Callable[..., Page], shelf: str) -> None:
    page = open_window(shelf)
    page.goto("/?q=purple")
    expect(tiles(page)).to_have_count(8)
    page.get_by_role("button", name="Search by Both").click()
    page.get_by_role("menuitemradio", name=re.compile("^Words")).click()
    expect(page).to_have_url(re.compile(r"\?q=purple&mode=text$"))
    expect(tiles(page)).to_have_count(1)
    field(page).fill("zebra")
    expect(page.get_by_text("No caption, tag or file name has these words.")).to_be_visible()
    page.get_by_role("main").get_by_role("link", name="Looks").click()
    expect(tiles(page)).to_have_count(8)
    # The mode text has no negative terms, so the page switches back to vector search.
    page.goto("/?q=purple&mode=text")
    expect(tiles(page)).to_have_count(1)
    field(page).fill("-red")
    field(page).press("Enter")
    expect(page).to_have_url(re.compile(r"\?term=-0.5\*text%3Ared$"))


def test_a_picture_that_is_none_is_refused_in_words(open_window: Callable[..., Page], shelf: str) -> None:
    page = open_window(shelf, expected=("422",))
    page.goto("/")
    expect(page.get_by_text("pictures. Try")).to_be_visible()
    page.evaluate(DROP, ["x.png", list(b"no picture"), "search input"])
    expect(page.get_by_role("status").filter(has_text="it is damaged, or not in a supported format")).to_be_visible()
