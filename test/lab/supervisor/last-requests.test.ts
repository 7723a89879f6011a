import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';

import type { LabMember } from '../../../lab/lab-file';
import { whileLastAreHeld } from '../../../lab/supervisor/last-requests';

describe('connections of an API server that stops', () => {
  let listener: Server;
  let said: string[];
  let member: LabMember;
  let whenHeld: Promise<void>;
  let balancer: { hold(name: string): void; release(name: string): void };

  beforeEach(async () => {
    listener = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const { port } = listener.address() as AddressInfo;
    member = { name: 'cp-1', ports: { apiServer: port } } as LabMember;
    said = [];
    whenHeld = new Promise((resolve) => {
      balancer = {
        hold(name) {
          said.push(`hold ${name}`);
          resolve();
        },
        release: (name) => said.push(`release ${name}`),
      };
    });
  });

  afterEach(() => void listener.close());

  it('are held from the end of its delay until it listens no more', async () => {
    await whileLastAreHeld({ member, balancer, delayMs: 100 }, async () => {
      await whenHeld;
      listener.close();
      await once(listener, 'close');
      said.push('it listens no more');
    });
    expect(said).toEqual(['hold cp-1', 'it listens no more', 'release cp-1']);
  });

  it('are not held where it ends before its delay is over', async () => {
    await whileLastAreHeld({ member, balancer, delayMs: 60_000 }, () => Promise.resolve());
    expect(said).toEqual(['release cp-1']);
  });

  it('are released where it does not stop', async () => {
    const stuck = new Error('it does not end');
    const stop = async (): Promise<void> => {
      await whenHeld;
      throw stuck;
    };
    await expect(whileLastAreHeld({ member, balancer, delayMs: 100 }, stop)).rejects.toBe(stuck);
    expect(said).toEqual(['hold cp-1', 'release cp-1']);
  });
});
