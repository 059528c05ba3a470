"""How smooth the page stays with 1,500 prosumers and 50 events a second, beside the same page at rest."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from playwright.async_api import Page, async_playwright

from benchmarks.service_process import service
from benchmarks.synthetic_market import GAME
from benchmarks.table import Table

RATE = 50
SECONDS = 10
VIEWS = {"Now": "now", "Games, one": f"games/{GAME}", "Network": "network", "Prosumers": "prosumers"}
MEASURE = """seconds => new Promise(resolve => {
  const tasks = [], frames = [];
  const note = list => tasks.push(...list.getEntries().map(each => each.duration));
  new PerformanceObserver(note).observe({type: "longtask"});
  let before = performance.now();
  const ends = before + 1000 * seconds;
  const frame = now => {
    frames.push(now - before);
    before = now;
    if (now < ends) requestAnimationFrame(frame);
    else resolve({tasks, frames: frames.slice(1).sort((one, other) => one - other)});
  };
  requestAnimationFrame(frame);
})"""


READS = 5
READ = """async ([kind, game, times]) => {
  let bytes = 0;
  const spent = [];
  for (let each = 0; each < times; each++) {
    const answers = await Promise.all(["", "/bids"].map(path => fetch(`/api/${kind}/games/${game}${path}`)));
    const texts = await Promise.all(answers.map(answer => answer.text()));
    bytes = texts.reduce((sum, text) => sum + text.length, 0);
    const before = performance.now();
    texts.forEach(text => JSON.parse(text));
    spent.push(performance.now() - before);
  }
  return {bytes, ms: spent.sort((one, other) => one - other)[times >> 1]};
}"""


def tables() -> Iterator[Table]:
    """Measure each view at rest and with events, and what one read of the game costs."""
    yield from asyncio.run(_tables())


async def _tables() -> list[Table]:
    with tempfile.TemporaryDirectory() as home:
        async with service("benchmarks.synthetic_market", Path(home)) as url, async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            rows = [await _row(await browser.new_page(), url, name, view) for name, view in VIEWS.items()]
            page = await browser.new_page()
            await page.goto(url)
            whole, brief = [await page.evaluate(READ, [kind, GAME, READS]) for kind in ("whole", "queue")]
            await browser.close()
    return [_smoothness(rows), _reads(whole, brief)]


def _reads(whole: dict[str, float], brief: dict[str, float]) -> Table:
    sizes, times = ([each[key] for each in (whole, brief)] for key in ("bytes", "ms"))
    return Table(
        "One read of that game and its bids by the page",
        ["", "whole", "brief", "ratio"],
        [
            ["Size, kB", *(f"{size / 1000:,.0f}" for size in sizes), f"{sizes[0] / sizes[1]:.0f}"],
            ["Parsed in, ms", *(f"{each:.1f}" for each in times), f"{times[0] / times[1]:.0f}"],
        ],
        "In brief, `?brief=true`, hops and amounts of zero are left out.",
    )


def _smoothness(rows: list[list[str]]) -> Table:
    return Table(
        f"The page with 1,500 prosumers, at rest and with {RATE} events/s",
        [
            "View",
            "median frame, ms",
            "95 % of frames, ms",
            "long tasks / s",
            "blocked",
            "95 % of frames, ratio to rest",
        ],
        rows,
        "At rest / with events. A long task takes more than 50 ms; blocked is the share of the time that they take.",
    )


async def _row(page: Page, url: str, name: str, view: str) -> list[str]:
    async with httpx.AsyncClient(base_url=url, trust_env=False) as market:
        await market.post("/rate/0")
        await page.goto(f"{url}/#/{view}")
        await page.locator("main h1").first.wait_for()
        rest = await page.evaluate(MEASURE, SECONDS)
        await market.post(f"/rate/{RATE}")
        busy = await page.evaluate(MEASURE, SECONDS)
        await market.post("/rate/0")
    await page.close()
    both = [(_at(each, 0.5), _at(each, 0.95), len(each["tasks"]) / SECONDS, _blocked(each)) for each in (rest, busy)]
    (median, tail, tasks, blocked), (busy_median, busy_tail, busy_tasks, busy_blocked) = both
    return [
        name,
        f"{median:.1f} / {busy_median:.1f}",
        f"{tail:.1f} / {busy_tail:.1f}",
        f"{tasks:.1f} / {busy_tasks:.1f}",
        f"{blocked:.0%} / {busy_blocked:.0%}",
        f"{busy_tail / tail:.1f}",
    ]


def _at(measured: dict[str, Any], share: float) -> float:
    frames = measured["frames"]
    return float(frames[int(share * (len(frames) - 1))])


def _blocked(measured: dict[str, Any]) -> float:
    return float(sum(measured["tasks"])) / (1000 * SECONDS)
