-- Slices of the same policy, portfolio and year that were computed from other closes or by another model make way.
DELETE FROM result.back_test_rate WHERE slice_key IN (
    SELECT slice_key FROM result.back_test_slice
    WHERE policy_hash = $policy_hash AND minimum_scenarios = $minimum_scenarios AND portfolio = $portfolio
        AND first_date = $first_date
);
DELETE FROM result.back_test_slice
WHERE policy_hash = $policy_hash AND minimum_scenarios = $minimum_scenarios AND portfolio = $portfolio
    AND first_date = $first_date;
