"""Problems with rules."""

from tallystick.web.kinds.kind import Kind

RULES = {
    "rule.unknown": Kind(
        404,
        "No such rule",
        "The organization has no rule with this id, or it was removed.",
        "Look the rule up with GET /v1/rules.",
    ),
    "rule.malformed": Kind(
        422,
        "This is no rule",
        "A condition or an action is not one of those that there are. The place of it stands in "
        "errors, and the detail says what is allowed there. Nothing was saved.",
        "Write that place as the detail says, and send the rule again.",
    ),
    "rule.too_many": Kind(
        409,
        "Too many rules",
        "An organization has as many rules as it may have.",
        "Remove one that is not needed.",
    ),
    "tolerance.negative": Kind(
        422,
        "A tolerance is 0 or more",
        "It says how large a rest of an invoice a rule may write off.",
        "Give an amount of 0 or more.",
    ),
}
