/** How long to wait before the page is drawn again: what happens together is shown together. */
const TOGETHER_MS = 400;

/** Calls `changed` after something changed that this account may see. Gives what stops it. */
export function listen(changed) {
  const source = new EventSource('/api/live');
  let timer;
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(changed, TOGETHER_MS);
  };
  for (const type of ['case', 'task', 'handoff', 'incident', 'board']) source.addEventListener(type, soon);
  return () => {
    clearTimeout(timer);
    source.close();
  };
}
