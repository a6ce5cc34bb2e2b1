"""Everything that a database holds, written out to be looked through."""

from sqlalchemy import Connection, inspect, text


def dump(conn: Connection) -> str:
    """Write out every column of every row of every table, as the database has them."""
    rows = []
    for table in inspect(conn).get_table_names():
        name = conn.dialect.identifier_preparer.quote(table)
        for row in conn.execute(text(f"SELECT * FROM {name}")):  # the names of our own tables
            rows += [
                value.hex() if isinstance(value, bytes) else f"{value}\n{value!r}" for value in row
            ]
    return "\n".join(rows)
