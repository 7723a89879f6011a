import { figuresOf, spreadOf } from '../../bench/statistics';

describe('spreadOf', () => {
  it('takes the lower median of an even count', () => {
    expect(spreadOf([4, 1, 3, 2])).toEqual({ median: 2, lowest: 1, highest: 4 });
  });

  it('refuses to speak of no run', () => {
    expect(() => spreadOf([])).toThrow('no run was counted');
  });
});

describe('figuresOf', () => {
  it('gathers each key over the runs that have it', () => {
    expect(figuresOf([{ seconds: 3.004 }, { seconds: 1 }, { seconds: 2 }, { mb: 90 }])).toEqual({
      table: {
        seconds: { median: 2, lowest: 1, highest: 3 },
        mb: { median: 90, lowest: 90, highest: 90 },
      },
      medians: { seconds: 2, mb: 90 },
    });
  });
});
