//! The lower bound of a share: how large it is at least, given how few cases were seen.

/// Lower end of the 95 % Wilson interval of `hits` out of `n`; 0 when `n` is 0.
pub fn lower_bound(hits: usize, n: usize) -> f64 {
    if n == 0 {
        return 0.0;
    }
    const Z: f64 = 1.96;
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of events are far below 2^52"
    )]
    let (hits, n) = (hits.min(n) as f64, n as f64);
    let p = hits / n;
    let z2 = Z * Z;
    let centre = p + z2 / (2.0 * n);
    let spread = Z * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    ((centre - spread) / (1.0 + z2 / n)).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::lower_bound;

    #[test]
    fn known_values() {
        // hits, n, lower bound to three places (computed by hand from Wilson's formula)
        for (hits, n, bound) in [
            (0, 0, 0.0),
            (0, 10, 0.0),
            (10, 10, 0.722),
            (5, 10, 0.237),
            (50, 100, 0.404),
            (1, 1, 0.207),
        ] {
            let got = lower_bound(hits, n);
            assert!((got - bound).abs() < 0.001, "{hits}/{n}: {got}");
        }
    }
}
