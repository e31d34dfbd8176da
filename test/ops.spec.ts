import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parser } from '@prometheus-io/lezer-promql';
import parse from 'parse-prometheus-text-format';
import { parse as parseYaml } from 'yaml';
import { Metrics } from '../src/platform/metrics.js';

interface Rule {
  alert: string;
  expr: string;
  labels: { severity: string };
  annotations: { summary: string; runbook: string };
}
interface Panel {
  title: string;
  targets: { expr: string }[];
  gridPos: { x: number; y: number; w: number; h: number };
}

const alerts: Rule[] = parseYaml(readFileSync('ops/prometheus/alerts.yml', 'utf8')).groups.flatMap(
  ({ rules }: { rules: Rule[] }) => rules,
);
const panels: Panel[] = JSON.parse(readFileSync('ops/grafana/qamqor.json', 'utf8')).panels;
const asked: [string, string][] = [
  ...alerts.map(({ alert, expr }): [string, string] => [`the alert ${alert}`, expr]),
  ...panels.flatMap(({ title, targets }) =>
    targets.map(({ expr }): [string, string] => [`the panel "${title}"`, expr]),
  ),
];

/** What Prometheus itself adds to what it reads. */
const OF_PROMETHEUS = { names: ['up'], labels: ['job', 'instance', 'le'] };

/** Names of metrics and of labels in an expression. @throws where it is none */
function namesIn(expression: string): { metrics: string[]; labels: string[] } {
  const found = { metrics: [] as string[], labels: [] as string[] };
  parser.parse(expression).iterate({
    enter: ({ type, from, to }) => {
      const text = expression.slice(from, to);
      if (type.isError) throw new Error(`"${expression}" is no PromQL at ${from}.`);
      if (type.name === 'VectorSelector') found.metrics.push(text.replace(/\{.*$/s, ''));
      if (type.name === 'LabelName') found.labels.push(text);
    },
  });
  return found;
}

/** Every metric of a process that has answered one command, with the names that its labels have. */
async function known(): Promise<Map<string, string[]>> {
  const metrics = new Metrics();
  metrics.command({ kind: 'event', lane: 'people' }, 'accepted', 5);
  metrics.watch({
    relayPool: { query: async () => ({ rows: [] }) } as never,
    dataDir: '.',
    pools: { app: { totalCount: 1, idleCount: 1, waitingCount: 0 } as never },
    jobs: async () => ({ outbox: { waiting: 1 } }),
  });
  const text = await metrics.text();
  const names = parse(text).map(({ name }) => name);
  const samples = [...text.matchAll(/^([a-z_0-9]+)(?:\{(.*)\})? /gm)].map(([, name = '', labels = '']) => ({
    name,
    labels: [...labels.matchAll(/(\w+)="/g)].map(([, label = '']) => label),
  }));
  return new Map([
    ...names.map((name): [string, string[]] => [name, []]),
    ...samples.map(({ name, labels }): [string, string[]] => [name, labels]),
  ]);
}

describe('what ops/ gives to whoever watches', () => {
  it.each(asked)('%s asks for what there is', async (_where, expression) => {
    const { metrics, labels } = namesIn(expression);
    const there = await known();
    expect(metrics.length).toBeGreaterThan(0);
    for (const name of metrics) if (!OF_PROMETHEUS.names.includes(name)) expect([...there.keys()]).toContain(name);
    const allowed = [...OF_PROMETHEUS.labels, ...metrics.flatMap((name) => there.get(name) ?? [])];
    for (const label of labels) expect(allowed).toContain(label);
  });

  it('would notice a name that is not there, and what is no PromQL', () => {
    expect(namesIn('sum by (lane) (rate(qamqor_nothing_total{x="y"}[5m])) > 0.01')).toEqual({
      metrics: ['qamqor_nothing_total'],
      labels: ['lane', 'x'],
    });
    expect(() => namesIn('sum(rate(up[5m])')).toThrow('no PromQL');
  });

  it('watches everything that Qamqor counts of its own', async () => {
    const own = [...(await known()).keys()].filter((name) => name.startsWith('qamqor_'));
    const families = new Set(own.map((name) => name.replace(/_(bucket|sum|count)$/, '')));
    const used = new Set(
      asked.flatMap(([, expr]) => namesIn(expr).metrics).map((name) => name.replace(/_(bucket|sum|count)$/, '')),
    );
    expect([...families].filter((name) => !used.has(name))).toEqual([]);
  });

  it('says of each alert how bad it is, and where it stands what to do', () => {
    for (const { labels, annotations } of alerts) {
      expect(['page', 'look']).toContain(labels.severity);
      const [file = '', anchor] = annotations.runbook.split('#');
      expect(existsSync(file)).toBe(true);
      const anchors = [...readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
        title
          .toLowerCase()
          .replace(/[^\w\s-]/g, '')
          .replace(/\s/g, '-'),
      );
      if (anchor !== undefined) expect(anchors).toContain(anchor);
    }
  });

  it('draws no panel over another', () => {
    for (const [index, { gridPos: one }] of panels.entries())
      for (const { gridPos: other } of panels.slice(index + 1)) {
        const apart =
          one.x + one.w <= other.x ||
          other.x + other.w <= one.x ||
          one.y + one.h <= other.y ||
          other.y + other.h <= one.y;
        expect({ one, other, apart }).toMatchObject({ apart: true });
      }
  });
});
