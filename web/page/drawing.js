import { h, svg } from './dom.js';
import { t } from './texts.js';

const LINE = 19;

/** Draws what `/api/cases/:id/drawing` gives, and rolls to where the case is. */
export function drawingOf({ width, height, nodes, edges }) {
  const canvas = svg(
    'svg',
    { viewBox: `-8 -8 ${width + 16} ${height + 16}`, width: width + 16, height: height + 16, role: 'img' },
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
  const active = nodes.filter((node) => node.active).at(-1);
  if (active) requestAnimationFrame(() => rollTo(frame, active));
  return frame;
}

function boxOf(node) {
  const inner = node.type === 'atomic' || node.type === 'final' || node.folded;
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

function rollTo(frame, { x, y, width, height }) {
  frame.scrollTo({ left: x + width / 2 - frame.clientWidth / 2, top: y + height / 2 - frame.clientHeight / 2 });
}
