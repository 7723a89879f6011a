import { renderProgress } from '../../../cli/render/progress';
import { colourStyle, plainStyle } from '../../../cli/render/style';
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
