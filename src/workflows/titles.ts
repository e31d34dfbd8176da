import { parse } from 'yaml';
import type { Language, Text } from '../statechart/types.js';

type Titled = Record<string, { title?: Text; services?: Record<string, { title?: Text }> } | null>;

/** Titles of roles and partners, from the catalogue beside the workflows. */
export class Titles {
  private readonly roles: Titled;
  private readonly partners: Titled;

  /** File name → text: `roles.yaml`, `partners.yaml`. */
  constructor(catalogue: Record<string, string>) {
    this.roles = (parse(catalogue['roles.yaml'] ?? '{}') ?? {}) as Titled;
    this.partners = (parse(catalogue['partners.yaml'] ?? '{}') ?? {}) as Titled;
  }

  /** Of `partner-<key>` the partner's. */
  role(key: string, language: Language): string {
    if (key.startsWith('partner-')) return this.partner(key.slice('partner-'.length), language);
    return inLanguage(this.roles[key]?.title, language) ?? key;
  }

  partner(key: string, language: Language): string {
    return inLanguage(this.partners[key]?.title, language) ?? key;
  }

  /** Every role, with one for each partner's own accounts. */
  allRoles(): { key: string; title: Text }[] {
    const partners = entriesOf(this.partners).map(({ key, title }) => ({ key: `partner-${key}`, title }));
    return [...entriesOf(this.roles), ...partners];
  }

  service(partner: string, key: string, language: Language): string | undefined {
    return inLanguage(this.partners[partner]?.services?.[key]?.title, language);
  }
}

function entriesOf(titled: Titled): { key: string; title: Text }[] {
  return Object.entries(titled).map(([key, entry]) => ({ key, title: entry?.title ?? { en: key } }));
}

export function inLanguage(text: Text | undefined, language: Language): string | undefined {
  return text?.[language] ?? text?.en;
}
