/** The look of the page, in light and dark. */
export const styleSheet = `
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --bad: #c62828; --good: #2e7d32; --open: #8a6d00; }
@media (prefers-color-scheme: dark) { :root { --bad: #ff7b72; --good: #57c765; --open: #e3b341; } }
body { font: 15px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 74rem; padding: 1rem 1.5rem 4rem; }
h1 { margin: 0; font-size: 1.5rem; } h2 { margin: 2rem 0 .4rem; font-size: 1.1rem; }
.target { margin: 0 0 1rem; opacity: .75; overflow-wrap: anywhere; }
.figures { display: flex; flex-wrap: wrap; gap: 1.75rem; margin: 0; }
.figure { display: flex; flex-direction: column-reverse; } .figure dd { margin: 0; font-size: 1.7rem; font-variant-numeric: tabular-nums; }
.figure dt { font-size: .8rem; opacity: .75; } .verdict { font-weight: 600; }
.failed dd, tr.failed td:first-child, .verdict.failed, .tally.failed { color: var(--bad); font-weight: 600; }
.passed dd, tr.passed td:first-child, .verdict.passed, .tally.passed, td.passed { color: var(--good); }
.skipped dd, tr.skipped td:first-child, .tally.skipped, .uncovered { color: var(--open); }
.tally { font-size: .8rem; font-weight: 400; margin-left: .5rem; }
.filters { position: sticky; top: 0; background: Canvas; padding: .6rem 0; display: flex; gap: 1rem; align-items: center; border-bottom: 1px solid var(--line); }
.filters input[type=search] { flex: 1; max-width: 22rem; padding: .3rem .5rem; font: inherit; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; font-size: .8rem; opacity: .75; font-weight: 500; }
td, th { padding: .3rem .6rem .3rem 0; vertical-align: top; border-bottom: 1px solid var(--line); }
td:first-child { white-space: nowrap; } .ms { text-align: right; font-variant-numeric: tabular-nums; }
code { font: .88em ui-monospace, monospace; overflow-wrap: anywhere; } a { color: inherit; text-decoration-color: var(--line); }
.reason { margin: .25rem 0 0; padding: .35rem .6rem; background: var(--soft); border-left: 3px solid var(--open); white-space: pre-wrap; overflow-wrap: anywhere; }
tr.failed .reason { border-color: var(--bad); } tr:target { outline: 2px solid var(--open); } .protocol { margin-bottom: 1.5rem; }
`;

/** Hides the rows that the boxes and the text field leave out, and the groups without rows. */
export const filterScript = `
const boxes = [...document.querySelectorAll('[data-result]')];
const search = document.querySelector('[type=search]');
const apply = () => {
  const shown = new Set(boxes.filter((box) => box.checked).map((box) => box.dataset.result));
  const words = search.value.toLowerCase().split(/\\s+/);
  for (const section of document.querySelectorAll('section')) {
    const rows = [...section.querySelectorAll('tbody tr')];
    for (const row of rows) row.hidden = !shown.has(row.className) || !words.every((word) => row.textContent.toLowerCase().includes(word));
    section.hidden = rows.every((row) => row.hidden);
  }
};
document.querySelector('.filters').addEventListener('input', apply);
document.querySelector('.filters').addEventListener('submit', (event) => event.preventDefault());
`;
