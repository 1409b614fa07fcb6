module github.com/larder-secrets/larder/bench

go 1.26

replace github.com/larder-secrets/larder => ../
