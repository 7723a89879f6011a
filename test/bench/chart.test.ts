import { barChart } from '../../bench/chart';

describe('a bar chart', () => {
  const chart = barChart({
    title: 'Draining <one> node',
    unit: 's',
    groups: [
      {
        label: '30 pods',
        bars: [
          { name: 'Ascent', value: 1.5 },
          { name: 'kubectl', value: 7.5 },
        ],
      },
      { label: '100 pods', bars: [{ name: 'Ascent', value: 3 }] },
    ],
  });

  it('has a bar for each value, to scale, in the colour of its name', () => {
    const bars = [...chart.matchAll(/<rect [^>]*width="([\d.]+)"[^>]*fill="(#\w+)"/g)];
    expect(bars.map(([, width, colour]) => [Number(width), colour])).toEqual([
      [82, '#2f81f7'],
      [410, '#9a6700'],
      [164, '#2f81f7'],
    ]);
  });

  it('names groups, bars and values, and escapes what is markup', () => {
    const texts = [...chart.matchAll(/<text [^>]*>([^<]*)<\/text>/g)].map(([, words]) => words);
    expect(texts).toEqual([
      'Draining &lt;one&gt; node',
      '30 pods',
      'Ascent',
      '1.5 s',
      'kubectl',
      '7.5 s',
      '100 pods',
      'Ascent',
      '3 s',
    ]);
  });
});
