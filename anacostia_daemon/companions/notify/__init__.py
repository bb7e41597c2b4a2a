"""Tells people and programs what has happened: which lines and runs are worth a notice (`notices`), who wants it
(`rule`), how often (`limit`), by which way (`channels`), and again where that failed (`sender`)."""
