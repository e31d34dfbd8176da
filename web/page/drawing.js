import { h, svg } from './dom.js';
import { t } from './texts.js';

const LINE = 19;

/** Draws what `/api/cases/:id/drawing` gives, and rolls to where the case is. `fitted`: all of it in sight, however small. */
export function drawingOf({ width, height, nodes, edges }, fitted = false) {
  const size = fitted ? { class: 'fitted' } : { width: width + 16, height: height + 16 };
  const canvas = svg(
    'svg',
    { viewBox: `-8 -8 ${width + 16} ${height + 16}`, ...size, role: 'img' },
    svg('title', {}, t().drawing),
    svg(
      'defs',
      {},
      svg(
        'marker',
        { id: 'tip', viewBox: '0 0 8 8', refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: 'auto' },
        svg('path', { d: 'M0 0L8 4L0 8z', class: 'tip' }),
      ),
    ),
    ...nodes.map(boxOf),
    ...edges.map(lineOf),
  );
  const frame = h('div', { class: 'drawing', tabindex: 0 }, canvas);
  const active = nodes.find((node) => node.active && isInner(node));
  if (active && !fitted) requestAnimationFrame(() => rollTo(canvas, frame, active));
  return frame;
}

/** Nothing is drawn inside it. */
function isInner(node) {
  return node.type === 'atomic' || node.type === 'final' || node.folded;
}

function boxOf(node) {
  const inner = isInner(node);
  const kind = ['node', node.active && 'active', !inner && 'around', node.type].filter(Boolean).join(' ');
  const middle = node.x + node.width / 2;
  const top = inner ? node.y + node.height / 2 - ((node.lines.length - 1) * LINE) / 2 + 5 : node.y + 22;
  const lines = node.lines.map((line, index) => svg('tspan', { x: middle, y: top + index * LINE }, line));
  return svg(
    'g',
    { class: kind, 'data-path': node.path },
    svg('rect', { x: node.x, y: node.y, width: node.width, height: node.height, rx: node.type === 'final' ? 18 : 8 }),
    svg('text', { 'text-anchor': 'middle' }, ...lines),
    node.folded &&
      svg(
        'text',
        { class: 'fold', x: node.x + node.width - 16, y: node.y + node.height - 6 },
        '…',
        svg('title', {}, t().folded),
      ),
  );
}

function lineOf({ points, label }) {
  const path = points.map(({ x, y }, index) => `${index === 0 ? 'M' : 'L'}${x} ${y}`).join('');
  return svg(
    'g',
    { class: 'edge' },
    svg('path', { d: path, 'marker-end': 'url(#tip)' }),
    label && svg('text', { x: label.x, y: label.y }, label.text),
  );
}

/** A small drawing stands in the middle of its frame: where a state is, only the browser knows. */
function rollTo(canvas, frame, { path }) {
  const box = canvas.querySelector(`[data-path="${CSS.escape(path)}"]`)?.getBoundingClientRect();
  if (!box) return;
  const around = frame.getBoundingClientRect();
  frame.scrollBy({
    left: box.left + box.width / 2 - around.left - around.width / 2,
    top: box.top + box.height / 2 - around.top - around.height / 2,
  });
}
