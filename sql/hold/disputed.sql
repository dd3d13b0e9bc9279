-- Where sender and house disagree about a balance the lower figure counts: what the delivered opening or close is short
-- of ours. What left an account that nobody knows is short in the first account of its member.
UPDATE book.collateral AS held
SET qty_disputed = short.quantity
FROM (
    SELECT
        book.file_id, book.source_line,
        greatest(
            book.qty_open - coalesce(decimal_38_18(raw.qty_open), book.qty_open),
            book.qty_open + book.deposits - book.withdrawals + book.interest + book.adjustment
            - coalesce(
                decimal_38_18(raw.qty_close),
                book.qty_open + book.deposits - book.withdrawals + book.interest + book.adjustment
            ),
            0
        ) AS quantity
    FROM book.collateral AS book
    JOIN raw.collateral_balances AS raw USING (file_id, source_line)
    SEMI JOIN (
        SELECT file_id, source_line FROM book.held_line WHERE run_id = $run_id AND dataset = 'collateral_balances'
    ) USING (file_id, source_line)
    WHERE book.run_id = $run_id
) AS short
WHERE held.run_id = $run_id AND held.file_id = short.file_id AND held.source_line = short.source_line;

UPDATE book.collateral AS held
SET qty_disputed = held.qty_disputed + gone.quantity
FROM (
    SELECT
        own.clearing_member_id, min(own.margin_account_id) AS margin_account_id, asset,
        any_value(lost.quantity) AS quantity
    FROM (
        SELECT
            clearing_member_id, asset,
            sum(withdrawals - least(interest, 0) - least(adjustment, 0))::DECIMAL(38, 18) AS quantity
        FROM book.collateral
        ANTI JOIN (
            SELECT clearing_member_id, margin_account_id FROM book.account WHERE run_id = $run_id
        ) USING (clearing_member_id, margin_account_id)
        WHERE run_id = $run_id AND source_line > 0
        GROUP BY clearing_member_id, asset
    ) AS lost
    JOIN book.collateral AS own USING (clearing_member_id, asset)
    SEMI JOIN (
        SELECT clearing_member_id, margin_account_id FROM book.account WHERE run_id = $run_id
    ) USING (clearing_member_id, margin_account_id)
    WHERE own.run_id = $run_id
    GROUP BY own.clearing_member_id, asset
) AS gone
WHERE
    held.run_id = $run_id AND held.clearing_member_id = gone.clearing_member_id
    AND held.margin_account_id = gone.margin_account_id AND held.asset = gone.asset;
