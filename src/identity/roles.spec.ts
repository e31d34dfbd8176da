import { describe, expect, it } from '@jest/globals';
import { hasRole, isStaff } from './identity.policy.js';
import { RoleBook } from './roles.js';

const book = new RoleBook(`
storekeeper: { title: { en: Storekeeper }, may: [open-cases] }
chief: { title: { en: Chief }, may: [open-cases, oversee] }
guard: { title: { en: Guard } }
partner: { title: { en: Partner } }
integration: { title: { en: Integration } }
`);

describe('the roles of the file', () => {
  it('are those of the centre; partners and programs are known beside them', () => {
    expect(book.staff).toEqual(['storekeeper', 'chief', 'guard']);
    const known = ['guard', 'integration', 'partner-bank'].map((role) => book.knows(role));
    const unknown = ['doorkeeper', 'partner', 'partner-', 'engine', 'oversee', ''].map((role) => book.knows(role));
    expect([known, unknown]).toEqual([Array(3).fill(true), Array(6).fill(false)]);
  });

  it('give what stands beside them, each to its own', () => {
    expect(book.rightsOf(['guard'])).toEqual([]);
    expect(book.rightsOf(['guard', 'storekeeper'])).toEqual(['open-cases']);
    expect(book.rightsOf(['chief', 'storekeeper'])).toEqual(['open-cases', 'oversee']);
    expect(hasRole({ roles: ['storekeeper'], may: ['open-cases'] }, 'oversee')).toBe(false);
    // Who asks without rights has none.
    expect(hasRole({ roles: ['chief'] }, 'oversee')).toBe(false);
  });

  it('stand for a right where people are told who has it', () => {
    expect(book.spelt(['storekeeper', 'open-cases', 'integration'])).toEqual(['storekeeper', 'chief', 'integration']);
  });

  it('are nobody of the centre when they come from outside', () => {
    const outside = ['partner', 'partner-bank', 'integration', 'engine', ''];
    expect(outside.filter((role) => isStaff({ roles: [role] }))).toEqual([]);
    expect(isStaff({ roles: [] })).toBe(false);
  });

  it.each([
    ['a right that there is not', 'chief: { title: {}, may: [fly] }', /fly|open-cases/],
    ['a key that means nothing', 'chief: { title: {}, can: [oversee] }', /can/],
    ['a name that is a right', 'oversee: { title: {} }', /means something else/],
    ['a name that is the engine’s', 'engine: { title: {} }', /means something else/],
    ['a name that belongs to a partner', 'partner-bank: { title: {} }', /belong to partners/],
    ['a name that no account could carry', 'Chief: { title: {} }', /small Latin letters/],
    ['no title', 'chief: {}', /title/],
    ['what is no YAML', 'chief: { title', /roles\.yaml cannot be used/],
    ['a list', '- chief', /roles\.yaml cannot be used/],
  ])('are refused at the start with %s', (_what, yaml, message) => {
    expect(() => new RoleBook(yaml)).toThrow(message);
  });
});
