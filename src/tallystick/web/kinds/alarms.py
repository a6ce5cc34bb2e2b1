"""Problems with alarms."""

from tallystick.web.kinds.kind import Kind

ALARMS = {
    "alarm.unknown": Kind(
        404,
        "No such alarm",
        "The organization has no alarm with this id.",
        "Look the alarm up with GET /v1/alarms.",
    ),
    "alarm.lasting": Kind(
        409,
        "The alarm ends with its cause",
        "Nobody knows yet what became of the payment or refund, so somebody still has to look.",
        "Confirm or decline the payment or refund that subject_id names. That ends the alarm.",
    ),
}
