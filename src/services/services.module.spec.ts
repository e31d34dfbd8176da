import { describe, expect, it } from '@jest/globals';
import { SERVICES } from '../workflows/catalogue.js';
import { ServiceSource } from './service-source.js';
import { ServicesModule } from './services.module.js';

function start(names: readonly string[]): () => void {
  const source = new ServiceSource({ read: () => Promise.resolve(null) });
  for (const name of names) source.register({ name, run: () => Promise.resolve(null) });
  return () => new ServicesModule(source).onModuleInit();
}

describe('a process', () => {
  it('starts with the services that `check` lets workflows name', () => {
    expect(start(SERVICES)).not.toThrow();
  });

  it('does not start without one of them, nor with one more', () => {
    expect(start([])).toThrow(/differ by: issueCertificate/);
    expect(start([...SERVICES, 'sendFlowers'])).toThrow(/differ by: sendFlowers/);
  });
});
