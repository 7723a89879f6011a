// The executable as it is installed: the launcher, the built program, real exit codes.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

jest.setTimeout(300_000);

const launcher = path.resolve(__dirname, '../../bin/ascent.mjs');

describe('ascent', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'ascent-bin-'));

  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  function ascent(...args: readonly string[]) {
    const run = spawnSync(process.execPath, [launcher, ...args], {
      cwd: directory,
      encoding: 'utf8',
      // Labs of whoever runs the tests must not matter.
      env: { PATH: process.env['PATH'], HOME: directory, XDG_STATE_HOME: directory },
    });
    return { code: run.status, stdout: run.stdout, stderr: run.stderr };
  }

  it('tells its version and its commands', () => {
    expect(ascent('--version')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string,
    });
    const { code, stdout } = ascent('--help');
    expect(code).toBe(0);
    expect(stdout).toContain('observe [options]');
    expect(stdout).toContain('worker [options]');
    expect(stdout).toContain('lab ');
  });

  it('shows its help where no command is given, as a mistake', () => {
    const { code, stdout } = ascent();
    expect(code).toBe(2);
    expect(stdout).toContain('Usage: ascent');
  });

  it('says that there is no lab', () => {
    expect(ascent('lab', 'status', '-o', 'json')).toMatchObject({
      code: 6,
      stdout: expect.stringContaining('"kind": "absent"') as string,
    });
    expect(ascent('lab', 'down')).toMatchObject({ code: 0, stdout: 'lab lab was not running\n' });
  });

  it('shows examples of a lab', () => {
    expect(ascent('lab', '--help')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('\nExamples:\n') as string,
    });
  });

  it('refuses a lab that cannot be, with every problem, before anything is made', () => {
    const wrong = ['--members', '2', '--nodes', '0', '--kubernetes', '1.27'];
    const { code, stdout } = ascent('lab', 'up', ...wrong, '-o', 'json');
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      code: 'options-invalid',
      problems: [
        'kubernetes is 1.27, expected one of 1.28.15, 1.29.15, 1.30.14, 1.31.4, 1.32.5, 1.33.13, ' +
          'or its minor',
        'members is 2, expected an odd number: etcd needs a majority',
        'nodes is 0, expected a whole number from 1 to 2000',
      ],
    });
  });

  it('refuses a release that there is not, before anything is installed', () => {
    const { code, stdout } = ascent('lab', 'up', '--releases', '1.32,1.99', '-o', 'json');
    expect(code).toBe(1);
    const tools = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];
    const known = '1.28.15, 1.29.15, 1.30.14, 1.31.4, 1.32.5, 1.33.13';
    expect(JSON.parse(stdout)).toMatchObject({
      code: 'tools-missing',
      problems: tools.map(
        (tool) => `there is no ${tool} 1.99 in the toolchain; there are ${known}`,
      ),
    });
  });

  it('refuses a directory that no lab can have', () => {
    const { code, stderr } = ascent('lab', 'up', '--state-dir', '/proc/ascent');
    expect(code).toBe(2);
    expect(stderr).toContain('/proc/ascent cannot be used');
  });

  it('refuses a number that is none', () => {
    expect(ascent('lab', 'up', '--nodes', 'many')).toMatchObject({ code: 2, stdout: '' });
  });

  it('tells every problem of a worker at once', () => {
    const { code, stdout } = ascent('worker', '--shutdown-grace-ms', 'soon', '-o', 'json');
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      schema: 'ascent.error/v1',
      code: 'config-invalid',
      problems: [expect.any(String), expect.any(String)],
    });
  });

  it('says that Temporal does not answer', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    await new Promise((resolve) => server.close(resolve));

    const place = ['--address', address, '--connect-timeout-ms', '0'];
    const worker = ascent('worker', '--only', 'workflows', ...place);

    expect(worker.code).toBe(7);
    expect(worker.stderr).toContain(address);
  });

  it('says what is wrong with an access file', () => {
    writeFileSync(path.join(directory, 'access.json'), '{ "cluster": "Not A Name" }');

    const { code, stderr } = ascent('observe', '--access', 'access.json');

    expect(code).toBe(2);
    expect(stderr).toContain('access.json: cluster: expected a lower-case DNS label');
    expect(stderr).toContain('access.json: kubeconfig:');
  });
});
