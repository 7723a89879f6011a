import { request } from 'node:http';

import { healthAnswer, serveHealth } from '../../worker/health';
import type { WorkerState } from '../../worker/run-workers';

describe('healthAnswer', () => {
  it.each<[string, WorkerState[], number]>([
    ['/healthz', ['RUNNING', 'RUNNING'], 200],
    ['/healthz', ['INITIALIZED'], 200],
    ['/healthz', ['RUNNING', 'FAILED'], 503],
    ['/readyz', ['RUNNING', 'RUNNING'], 200],
    ['/readyz', ['RUNNING', 'INITIALIZED'], 503],
    ['/readyz', ['DRAINING'], 503],
    ['/', ['RUNNING'], 404],
  ])('%s of %j is %d', (path, states, status) => {
    expect(healthAnswer(path, states).status).toBe(status);
  });
});

describe('serveHealth', () => {
  it('answers with the states of now', async () => {
    let states: WorkerState[] = ['INITIALIZED'];
    const health = await serveHealth('127.0.0.1:0', { states: () => states });
    const ready = async () => {
      const response = await fetch(`http://127.0.0.1:${health.port}/readyz?verbose`);
      return [response.status, await response.json()];
    };
    expect(await ready()).toEqual([503, { states: ['INITIALIZED'] }]);
    states = ['RUNNING'];
    expect(await ready()).toEqual([200, { states: ['RUNNING'] }]);
    await health.close();
  });

  it.each(['//', '/\\\\', '*', '/%'])('survives a request for %s', async (target) => {
    const health = await serveHealth('127.0.0.1:0', { states: () => ['RUNNING'] });
    const status = await new Promise((resolve, reject) => {
      const asked = request({ port: health.port, host: '127.0.0.1', path: target }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      asked.on('error', reject).end();
    });
    expect(status).toBe(404);
    await health.close();
  });

  it('rejects an address that is taken', async () => {
    const first = await serveHealth('127.0.0.1:0', { states: () => [] });
    await expect(
      serveHealth(`127.0.0.1:${first.port}`, { states: () => [] }),
    ).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await first.close();
  });
});
