import { describe, expect, it } from '@jest/globals';
import { Metrics } from './metrics.js';

describe('the figures of a process', () => {
  it('are given also where the database hangs, and say that they are not complete', async () => {
    const metrics = new Metrics(20);
    metrics.watch({ relayPool: { query: () => new Promise(() => undefined) } as never, pools: {}, dataDir: '.' });
    metrics.command({ kind: 'event', lane: 'people' }, 'accepted', 5);
    const text = await metrics.text();
    expect(text).toMatch(/^qamqor_figures_complete 0$/m);
    expect(text).toMatch(/^qamqor_commands_total\{.*\} 1$/m);
  });
});
