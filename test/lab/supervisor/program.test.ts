import { emulationProblem, isSameProgram, programName } from '../../../lab/supervisor/program';

describe('what a component runs', () => {
  it('is named by its release, and by the minor that it serves as', () => {
    expect(programName({ version: '1.32.5' })).toBe('1.32.5');
    expect(programName({ version: '1.32.5', emulates: '1.31' })).toBe('1.32.5 as 1.31');
  });

  it('is another program when only the minor that it serves as differs', () => {
    const emulating = { version: '1.32.5', emulates: '1.31' };

    expect(isSameProgram({ ...emulating }, emulating)).toBe(true);
    expect(isSameProgram({ version: '1.32.5' }, emulating)).toBe(false);
    expect(isSameProgram({ version: '1.32.5', emulates: undefined }, { version: '1.32.5' })).toBe(
      true,
    );
    expect(isSameProgram(undefined, emulating)).toBe(false);
  });

  it.each([
    ['1.28.15', undefined, undefined],
    ['1.32.5', '1.31', undefined],
    ['1.33.13', '1.31', undefined],
    ['1.35.5', '1.32', undefined],
    ['1.31.4', '1.30', 'Kubernetes 1.31.4 cannot serve as 1.30: releases from 1.32 on can'],
    ['1.32.5', '1.30', 'Kubernetes 1.32.5 cannot serve as 1.30: 1.31 is the oldest'],
    ['1.32.5', '1.32', 'Kubernetes 1.32.5 cannot serve as 1.32: only as an older minor'],
    ['1.32.5', '1.33', 'Kubernetes 1.32.5 cannot serve as 1.33: only as an older minor'],
    ['1.35.5', '1.31', 'Kubernetes 1.35.5 cannot serve as 1.31: 3 minors back at most'],
  ])('%s as %s', (version, emulates, problem) => {
    expect(emulationProblem({ version, emulates })).toBe(problem);
  });
});
