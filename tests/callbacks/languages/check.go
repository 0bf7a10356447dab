package main

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		parts := strings.Split(lines.Text(), " ")
		headers := http.Header{}
		for index, name := range []string{"webhook-id", "webhook-timestamp", "webhook-signature"} {
			if text := parts[2+index]; text != "-" {
				headers.Set(name, string(read(text)))
			}
		}
		seconds, _ := strconv.ParseInt(string(read(parts[1])), 10, 64)
		err := Verify(string(read(parts[0])), headers, read(parts[5]), time.Unix(seconds, 0))
		switch {
		case err == nil:
			fmt.Println("ours")
		case errors.Is(err, ErrNotOurs):
			fmt.Println("refused")
		default:
			panic(err)
		}
	}
}

func read(text string) []byte {
	bytes, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return bytes
}
