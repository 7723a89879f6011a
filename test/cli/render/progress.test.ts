import { renderProgress } from '../../../cli/render/progress';
import { colourStyle, plainStyle } from '../../../cli/render/style';
import { nodeName } from '../../support/builders';
import { nowMs } from '../support/fake-terminal';
import { moments, plan } from '../support/fixtures';

const view = { nowMs, width: 60, program: 'ascent', plan };
const escapes = new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, 'g');

describe('renderProgress', () => {
  it.each(Object.keys(moments))('says the same with and without colours: %s', (name) => {
    const moment = moments[name];
    if (moment === undefined) throw new Error(name);
    const plain = renderProgress(moment, { ...view, style: plainStyle });
    const coloured = renderProgress(moment, { ...view, style: colourStyle });

    expect(coloured.map((line) => line.replaceAll(escapes, ''))).toEqual(plain);
    expect(plain.join('')).not.toMatch(escapes);
  });

  it('shows what does not get on above the gates', () => {
    const moment = moments['held by a node'];
    if (moment === undefined) throw new Error('no such moment');
    const unsettled = [
      {
        activity: 'verifyCluster',
        workflowId: 'upgrade/prod/hop-1.29',
        code: 'not-taken',
        sinceMs: nowMs - 90_000,
      },
    ] as const;
    const wide = { ...view, width: 200, style: plainStyle };

    const lines = renderProgress({ ...moment, unsettled }, wide);

    const sentence =
      '! no worker has taken verifyCluster of upgrade/prod/hop-1.29 for 1 min 30 s' +
      ' - see that a worker runs that serves cluster/prod';
    const before = renderProgress(moment, wide);
    const gate = before.findIndex((line) => line.startsWith('! node web-2'));
    expect(lines).toEqual(before.toSpliced(gate, 0, sentence, ''));
  });

  it('shows below the nodes in work which would be next, and what is in their way', () => {
    const moment = moments['held by a node'];
    if (moment === undefined) throw new Error('no such moment');
    const wide = { ...view, width: 200, style: plainStyle };
    const holds = [{ code: 'zone-in-work', zone: 'b', inWork: 'a' }] as const;
    const held = { nodes: [{ node: nodeName('web-4'), holds }], more: 2 };

    const lines = renderProgress({ ...moment, held }, wide);

    const before = renderProgress(moment, wide);
    const added = lines.filter((line) => !before.includes(line));
    expect(added).toEqual([
      '        web-4 waits: zone a is in work, and zones go one at a time',
      '        2 more nodes held as well',
    ]);
    const all = renderProgress({ ...moment, held: { ...held, more: 0 } }, wide);
    expect(all.filter((line) => !before.includes(line))).toEqual(added.slice(0, 1));
  });

  it('wraps sentences at the width of the terminal', () => {
    const moment = moments['held by a node'];
    if (moment === undefined) throw new Error('no such moment');

    const lines = renderProgress(moment, { ...view, style: plainStyle });

    const sentences = lines.filter(
      (line) => /^[!a-z ]{1,3}[a-z]/.test(line) && !/ascent/.test(line),
    );
    expect(Math.max(...sentences.map((line) => line.length))).toBeLessThanOrEqual(60);
  });
});
