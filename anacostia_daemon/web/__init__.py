"""The dashboard: pages and a JSON API over HTTP, live; a companion of the daemon in a process of its own (decision 19).

It is a client of the control socket like any other. Nothing of it is imported by the daemon, and it imports nothing of
the supervisor; whatever a browser does to it, the daemon has no part in it. Needs the extra `web`.

How it is put together, and how a page is added:

- `facts/`: async functions that give what is so, in the shapes of `--json`. They take a `facts.daemon.Daemon`: `await
  daemon.ask(COMMAND, **arguments)` asks over the control socket in a bounded pool of threads, `await
  daemon.read(function, …)` runs what reads files. CannotShow and ControlFailure become an error page, or JSON.
- `api/`: routes under /api/v1, one module per subject. A route is thin and names its shape (`api/models.py`). What
  requests bring along is declared in `api/asked.py`: TheDaemon, PipelineName, NodeName, RunId, Before, Limit, …
- `pages/`: one module per page, its `router` listed in `pages/__init__.py`. It asks `facts` (never the API), and
  renders `templates/PAGE.html`, which extends base.html, or pipeline_base.html (given `pipeline`, its name, and `tab`):
  blocks `styles`, `scripts`, `tabs`, `content`, `shortcuts`,
  `live` (the address of the page's event stream: `/api/v1/events?pipeline=NAME` for one pipeline). Its URL is
  /pipelines/NAME, /pipelines/NAME/nodes/NODE, /pipelines/NAME/runs[/ID], …/metrics, …/artifacts[/ID]. `pages/home.py`
  shows the way. `pages(request).page(request, TEMPLATE, title=…, crumbs=…, **facts)`; filters: ago, duration, size,
  clock, as_data; macros in parts.html: phase, moment, action (a button that posts), empty.
- A part that changes is a template of its own, `_PART.html`, with a route under /fragments/… It is included by the page
  in `<div hx-get="/fragments/…" hx-trigger="fresh:run from:body" hx-sync="this:queue last" hx-swap="morph-by-key">`;
  `fresh:NAME` is said on <body> for each event NAME of the stream (journal, phase, run, task, signal, artifacts,
  pipelines; at most five times a second, never without the last word), `fresh` for any. `morph-by-key`
  (static/js/keep.js) keeps what has not changed, by `data-key`; what a script draws into an element with `data-own` is
  left alone.
- Scripts are modules in static/js; they listen to `live:NAME` on <body>, whose detail is what the event says, or null
  where events may have been missed and everything is to be asked again; `theme` says that colours have changed. No
  inline script, style or handler: the content policy forbids them (element.style from a script is fine). What a script
  draws with comes in `<div data-graph="{{ facts | as_data }}">`, or by fetch from /api/v1. `post`, `toast`: shell.js.
- Styles: static/css/tokens.css has every colour; phases and states: `data-phase`, which sets --tone and --soft. A page
  has a file of its own, static/css/PAGE.css. Libraries: static/vendor (vendor.py): htmx, uPlot, dagre.
- `live/`: what has changed since the last look, as events (`changes.py` names them), to every listener (`hub.py`).
- Tests: tests/web. Fixtures: `dashboard` (a daemon, its dashboard and the pipeline "doubling", once per worker,
  shared), `own_dashboard` (to be harmed), `api` (httpx at /api/v1), `page` (Chromium; an error in its console fails the
  test). `dashboard.drop("name", "3")` starts a run ("x" fails, "slow3" takes a second); never sleep, `daemon.until(…)`.
"""
