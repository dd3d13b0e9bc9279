"""Topics of golden cases that no part of Levee answers yet, each with what will."""

_MECHANICS = "liquidations, auctions, default fund and waterfall are built with the stress tests"

PENDING: dict[str, str] = {
    **dict.fromkeys(
        (
            "default_fund",
            "default_waterfall",
            "ccp_capital",
            "recovery",
            "liquidation_cascade",
            "margin_spiral",
            "optimal_execution",
            "derive_dutch_auction",
            "derive_dutch_auction_sim",
            "derive_insolvent_auction",
            "derive_security_module",
            "insurance_fund",
            "dydx_v4_bankruptcy_price",
            "dydx_v4_fillable_price",
            "dydx_v4_insurance_delta",
            "drift_liq_base_to_cover",
            "drift_liq_liability_transfer",
            "drift_liq_implied_liability",
            "drift_socialised_funding",
            "drift_socialised_deposits",
            "drift_perp_if_fee",
            "drift_spot_if_fee",
            "drift_liq_fee_ramp",
            "vega_network_disposal",
        ),
        _MECHANICS,
    ),
    "collateral_optimisation": "least-cost posting is built with the members' simulator",
}
