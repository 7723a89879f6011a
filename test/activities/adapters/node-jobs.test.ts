import { execFileSync } from 'node:child_process';

import { dataCommand, machineCommand, nodeJobName } from '../../../activities/adapters/node-jobs';

describe('the Job of a node', () => {
  it.each([
    ['worker-1', 'ascent-worker-1'],
    ['ip-10-0-0-1.example.internal', 'ascent-ip-10-0-0-1-example-internal-011b0675'],
    ['ip-10-0-0-1-example.internal', 'ascent-ip-10-0-0-1-example-internal-ae847e61'],
    ['n'.repeat(80), `ascent-${'n'.repeat(41)}-feed930b`],
  ])('of %s is %s: a name of its own that leaves room for those of its pods', (node, name) => {
    expect(nodeJobName(node)).toBe(name);
    // A label's value may have 63 characters; a pod's name has a dash and five more.
    expect(name.length).toBeLessThanOrEqual(57);
  });

  it('runs a script of a known length as root on the machine, with its arguments', () => {
    const command = machineCommand('echo é\n', ['a b', '$c']);
    expect(command.slice(0, 9).join(' ')).toBe('nsenter -t 1 -m -u -i -n -- /usr/bin/env');
    expect(command.slice(-4)).toEqual(['sh', '8', 'a b', '$c']);
  });

  it('gives a script so many bytes to read, where nothing tells their end', () => {
    const command = dataCommand('cat; echo " $1"', ['a b'], 4);
    const [said = '', ...args] = command.slice(command.indexOf('-c') + 1);
    // What the machine notes of being asked is no part of it.
    const here = said.replace(/^touch [^;]*;/, '');
    const read = execFileSync('sh', ['-c', here, ...args], { input: '12345', encoding: 'utf8' });
    expect(read).toBe('1234 a b\n');
  });
});
