// The heights of many rows, one above the other: changed and summed up in a few steps, however many
// there are. A Fenwick tree: every node has the sum of the rows that it stands for.

export class Heights {
  /** `of` tells the height of the row at an index. */
  constructor(count, of) {
    this.count = count;
    this.each = new Float64Array(count);
    this.sums = new Float64Array(count + 1);

    for (let i = 1; i <= count; i += 1) {
      this.each[i - 1] = of(i - 1);
      this.sums[i] += this.each[i - 1];
      const parent = i + (i & -i);
      if (parent <= count) this.sums[parent] += this.sums[i];
    }
  }

  set(index, height) {
    const more = height - this.each[index];
    this.each[index] = height;
    for (let i = index + 1; i <= this.count; i += i & -i) this.sums[i] += more;
  }

  /** Where the row at an index begins. */
  before(index) {
    let sum = 0;
    for (let i = index; i > 0; i -= i & -i) sum += this.sums[i];
    return sum;
  }

  /** The row at a height. */
  at(y) {
    let found = 0;
    let rest = y;
    for (let step = 2 ** Math.floor(Math.log2(this.count || 1)); step; step >>= 1) {
      if (found + step <= this.count && this.sums[found + step] <= rest) {
        found += step;
        rest -= this.sums[found];
      }
    }
    return Math.min(found, this.count - 1);
  }
}
