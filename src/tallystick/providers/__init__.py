"""Companies that take payments online, each behind `tallystick.payments.provider.Provider`.

Only `tallystick.wiring` knows them, and none of them knows the database.

fakepay   FakePay of contract 001, which takes card data; for development
"""
