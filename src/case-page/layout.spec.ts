import { describe, expect, it } from '@jest/globals';
import { layOut } from './layout.js';

const graph = {
  id: 'all',
  layoutOptions: { 'elk.algorithm': 'layered' },
  children: ['a', 'b'].map((id) => ({ id, width: 10, height: 10 })),
  edges: [{ id: 'e', sources: ['a'], targets: ['b'] }],
};

describe('laying a drawing out', () => {
  it('places every box and line', async () => {
    const laid = await layOut(graph);
    expect(laid.children?.every(({ x, y }) => x !== undefined && y !== undefined)).toBe(true);
    expect(laid.edges?.[0]?.sections?.length).toBe(1);
  });

  it('is given up when it takes too long, and the next one is drawn all the same', async () => {
    await expect(layOut(graph, 1)).rejects.toMatchObject({ code: 'drawing-too-large', status: 422 });
    await expect(layOut(graph)).resolves.toMatchObject({ id: 'all' });
  });

  it('says what ELK does not understand', async () => {
    await expect(layOut({ id: 'all', edges: [{ id: 'e', sources: ['x'], targets: ['y'] }] })).rejects.toThrow(/shape/i);
  });
});
