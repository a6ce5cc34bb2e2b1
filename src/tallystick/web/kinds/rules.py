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
    "rule.name_taken": Kind(
        409,
        "The name of the rule is taken",
        "The organization has a rule of this name, and a file of rules knows each by its name.",
        "Choose another name, or change the rule that has it.",
    ),
    "rule.too_many": Kind(
        409,
        "Too many rules",
        "An organization has as many rules as it may have.",
        "Remove one that is not needed.",
    ),
    "rule.not_triable": Kind(
        422,
        "This rule cannot be tried",
        "A dry run asks about past payments, and this rule is about something else.",
        "Try a rule whose trigger is payment_settled or payment_recorded.",
    ),
    "rule.period": Kind(
        422,
        "The days do not fit",
        "A dry run goes from a day that has begun to the same or a later one.",
        "Give other days.",
    ),
    "rule.too_many_payments": Kind(
        422,
        "Too many payments for one request",
        "A request looks at 5,000 payments at most. Nothing was written.",
        "Give fewer days, or run `tallystick rules try` on the machine, which takes any number.",
    ),
    "tolerance.negative": Kind(
        422,
        "A tolerance is 0 or more",
        "It says how large a rest of an invoice a rule may write off.",
        "Give an amount of 0 or more.",
    ),
}
