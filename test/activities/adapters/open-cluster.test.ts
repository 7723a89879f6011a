import { openServedCluster } from '../../../activities/adapters/open-cluster';
import type { CommandDriverAccess } from '../../../activities/access';
import { PortError } from '../../../activities/ports';
import { accessFolder } from './support/access-files';

const { access } = accessFolder();

describe('a cluster whose driver is a command', () => {
  it('is not served where variables are missing that its programs are to get', () => {
    const driver: CommandDriverAccess = {
      kind: 'command',
      directory: '/',
      commands: { node: { argv: ['true'], timeoutMs: 1_000 } },
      environment: ['PATH', 'ASCENT_TEST_LOST', 'ASCENT_TEST_TOO'],
      graceMs: 1_000,
    };
    const open = () => openServedCluster({ ...access, driver });
    expect(open).toThrow(PortError);
    expect(open).toThrow(
      "driver.environment names what the worker's environment has not:" +
        ' ASCENT_TEST_LOST, ASCENT_TEST_TOO',
    );
  });
});
