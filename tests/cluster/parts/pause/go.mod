module triptych.trading/tests/cluster/parts/pause

go 1.26
