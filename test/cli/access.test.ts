import type { ClusterAccess } from '../../activities/access';
import { clusterOf, findAccess } from '../../cli/access';
import type { GlobalOptions } from '../../cli/globals';
import { FakeTerminal, type TerminalOptions } from './support/fake-terminal';

const files = Object.fromEntries(
  ['flag', 'env', 'demo', 'side'].map((cluster) => [
    `${cluster}.json`,
    JSON.stringify({ cluster } satisfies Partial<ClusterAccess>),
  ]),
);
const demo = { name: 'demo', accessFile: 'demo.json' };
const side = { name: 'side', accessFile: 'side.json' };

async function found(options: Partial<GlobalOptions>, terminal: TerminalOptions) {
  const { context } = new FakeTerminal({ files, ...terminal });
  return (await findAccess({ output: 'human', ...options }, context))?.access.cluster;
}

describe('the access file', () => {
  it.each([
    {
      from: '--access before everything else',
      options: { access: ['flag.json'] },
      terminal: { env: { ASCENT_ACCESS: 'env.json' }, labs: [demo] },
      cluster: 'flag',
    },
    {
      from: '--lab before the environment',
      options: { lab: 'side' },
      terminal: { env: { ASCENT_ACCESS: 'env.json' }, labs: [demo, side] },
      cluster: 'side',
    },
    {
      from: 'the environment before a lab that runs',
      options: {},
      terminal: { env: { ASCENT_ACCESS: 'env.json' }, labs: [demo] },
      cluster: 'env',
    },
    {
      from: 'the only lab that runs',
      options: {},
      terminal: { env: { ASCENT_ACCESS: '' }, labs: [demo] },
      cluster: 'demo',
    },
    {
      from: 'nowhere when several labs run',
      options: {},
      terminal: { labs: [demo, side] },
      cluster: undefined,
    },
  ])('is taken from $from', async ({ options, terminal, cluster }) => {
    await expect(found(options, terminal)).resolves.toBe(cluster);
  });

  it.each([
    {
      options: { access: ['flag.json', 'env.json'] },
      refusal: { code: 'usage', message: '--access names several clusters' },
    },
    {
      options: { access: ['flag.json'], lab: 'demo' },
      refusal: { code: 'usage', message: '--access and --lab name two clusters' },
    },
    {
      options: { lab: 'gone' },
      refusal: {
        code: 'lab-down',
        message: 'lab gone is not running',
        remedy: 'these run: demo',
      },
    },
  ])('is refused: $refusal.message', async ({ options, refusal }) => {
    await expect(found(options, { labs: [demo] })).rejects.toMatchObject(refusal);
  });
});

describe('the cluster of a command that only reads', () => {
  const source = () => ({
    options: { output: 'human' as const },
    context: new FakeTerminal({ files }).context,
  });
  const running = (...clusters: readonly string[]) => ({
    list: () => Promise.resolve(clusters.map((cluster) => ({ cluster }) as never)),
  });

  it('may be the only upgrade that runs', async () => {
    await expect(clusterOf(undefined, source(), running('prod'))).resolves.toBe('prod');
  });

  it('is asked for when several run, and they are named', async () => {
    await expect(clusterOf(undefined, source(), running('prod', 'test'))).rejects.toMatchObject({
      code: 'usage',
      remedy: 'name one of those: prod, test',
    });
  });
});
