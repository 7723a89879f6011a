package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
)

// What systemctl(1) exits with for a unit that is not running, and for one that there is not.
const (
	codeInactive = 3
	codeUnknown  = 4
)

// A request is one line, `verb unit`, or `run` with what to run as JSON; the answer is the exit code
// on a line and then what to print.
func (s *supervisor) listen(listener net.Listener) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer connection.Close()
			line, err := bufio.NewReader(connection).ReadString('\n')
			if err != nil {
				return
			}
			verb, name, _ := strings.Cut(strings.TrimSpace(line), " ")
			code, text := s.answer(verb, name)
			fmt.Fprintf(connection, "%d\n%s", code, text)
			if verb == "reboot" {
				s.reboot()
			}
		}()
	}
}

func (s *supervisor) answer(verb, name string) (int, string) {
	switch verb {
	case "reboot":
		return 0, ""
	case "run":
		return s.run(name)
	}
	unit := s.find(name)
	if verb == "show" {
		return 0, s.show(unit)
	}
	if unit == nil {
		return codeUnknown, fmt.Sprintf("Unit %s could not be found.\nLoaded: not-found\n", name)
	}
	switch verb {
	case "start":
		s.setWanted(unit, true)
	case "restart":
		s.stop(unit)
		s.setWanted(unit, true)
	case "stop":
		s.stop(unit)
	case "enable", "disable", "is-enabled":
		return 0, "enabled\n"
	case "status", "is-active":
		return s.tell(unit, verb)
	default:
		return 1, fmt.Sprintf("Unknown command verb %s.\n", verb)
	}
	return 0, ""
}

func (s *supervisor) tell(unit *unit, verb string) (int, string) {
	state := s.state(unit)
	code := 0
	if state != "active" {
		code = codeInactive
	}
	if verb == "is-active" {
		return code, state + "\n"
	}
	return code, fmt.Sprintf("%s.service\n   Loaded: loaded\n   Active: %s\n", unit.name, state)
}

// What Ascent asks of `show`, whatever the properties that were named.
func (s *supervisor) show(unit *unit) string {
	if unit == nil || (!unit.mayStart() && s.state(unit) != "active" && !isHeld(unit.name)) {
		return "LoadState=not-found\nActiveState=inactive\nMainPID=0\n"
	}
	state := s.state(unit)
	s.lock.Lock()
	defer s.lock.Unlock()
	return fmt.Sprintf("LoadState=loaded\nActiveState=%s\nMainPID=%d\n", state, unit.pid)
}

func systemctl(arguments []string) int {
	words := []string{}
	for _, argument := range arguments {
		if !strings.HasPrefix(argument, "-") {
			words = append(words, argument)
		}
	}
	if len(words) == 1 && words[0] == "daemon-reload" {
		return 0
	}
	if len(words) == 1 && words[0] == "reboot" {
		words = append(words, "")
	}
	if len(words) != 2 {
		fmt.Fprintln(os.Stderr, "systemctl: give a verb and a unit; nothing else is known here")
		return 1
	}
	return ask("systemctl", words[0]+" "+words[1], os.Stdout)
}

// Exits with what PID 1 answers, which goes to output.
func ask(program, request string, output io.Writer) int {
	connection, err := net.Dial("unix", socket)
	if err != nil {
		fmt.Fprintln(os.Stderr, program+":", err)
		return 1
	}
	defer connection.Close()
	fmt.Fprintln(connection, request)
	answer := bufio.NewReader(connection)
	var code int
	if _, err := fmt.Fscanf(answer, "%d\n", &code); err != nil {
		fmt.Fprintln(os.Stderr, program+":", err)
		return 1
	}
	io.Copy(output, answer)
	return code
}
